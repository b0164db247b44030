"""What a request costs a server: the time of processors that the kernel counts, and nothing else's.

A busy machine makes requests slow, and does not make them dear.
"""

import ctypes
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.attack.client import Target
from tests.servers import Server
from tests.wsgi.server import Answer

TRIES = 3
# How many times as dear a hostile input may be as a harmless one of the same size; what this is to
# find was hundreds of times as dear.
GENEROUS = 10


class Cost(NamedTuple):
    """Nanoseconds that the event loop's thread has computed, and all threads together."""

    loop: int
    all: int

    @classmethod
    def least(cls, costs: Iterable["Cost"]) -> "Cost":
        """Return the least of several: what else the process does does not count."""
        some = [*costs]
        return cls(min(cost.loop for cost in some), min(cost.all for cost in some))

    def is_about(self, harmless: "Cost") -> bool:
        """Tell whether this is about what a harmless input costs."""
        return self.loop <= GENEROUS * harmless.loop and self.all <= GENEROUS * harmless.all


class Meter(NamedTuple):
    """A server, and what it has cost."""

    target: Target
    server: Server

    def read(self) -> Cost:
        """Return what the server has cost so far."""
        loop = Path(f"/proc/{self.server.pid}/schedstat").read_text().split()[0]
        return Cost(int(loop), time.clock_gettime_ns(clock_of(self.server.pid)))

    def ask(self, data: bytes) -> tuple[Cost, list[Answer]]:
        """Return what it costs to serve a connection, and its answers."""
        before = self.read()
        answers = self.target.send(data)
        after = self.read()
        return Cost(after.loop - before.loop, after.all - before.all), answers

    def least(self, data: bytes) -> Cost:
        """Return the least that a request costs in some tries."""
        return Cost.least(self.ask(data)[0] for _ in range(TRIES))

    def assert_no_dearer(self, hostile: bytes, harmless: Cost) -> list[Answer]:
        """Check that a request costs about what a harmless one does; return its answers."""
        for _ in range(TRIES):
            cost, answers = self.ask(hostile)
            if cost.is_about(harmless):
                return answers
        raise AssertionError(
            f"{hostile[:200]!r} costs {cost}, where a harmless one does {harmless}"
        )


def clock_of(process: int) -> int:
    """Return the clock that counts what a process computes (POSIX, clock_getcpuclockid)."""
    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(process, ctypes.byref(clock)) == 0
    return clock.value


def filled(size: int, unit: str, before: str = "", after: str = "") -> str:
    """Repeat something until a text has a size, or is as near below as can be."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def statuses(answers: Sequence[Answer]) -> list[int]:
    """Return the status of each answer."""
    return [answer.status for answer in answers]
