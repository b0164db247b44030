"""Interrupt an application that blocks while it is loaded or started."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class DeadlinePassed(BaseException):
    """A block has run too long; no ``except Exception`` of an application can stop it."""


class Interrupted(KeyboardInterrupt):
    """A person or a supervisor has stopped the process; the application has not failed.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """Handle a signal that ends the process."""
    raise Interrupted(number)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise DeadlinePassed in the block after some seconds, even while it blocks.

    A signal does that, so the deadline only holds in the main thread, and not while code written in
    C keeps the processor. In other threads the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_number: int, _frame: FrameType | None) -> NoReturn:
        raise DeadlinePassed(f"it took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise Interrupted in the block, in the main thread.

    Otherwise a KeyboardInterrupt could not be told from one that an application raises itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)
