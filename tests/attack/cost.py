"""The cost of a request: the processor time of the server that the kernel counts.

On a busy machine a request takes longer, but its processor time stays the same.
"""

import ctypes
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.attack.client import Target
from tests.servers import Server
from tests.wsgi.clients import Answer

TRIES = 3
# The allowed ratio between the costs of a hostile and a harmless input of the same size. The known
# attacks cost hundreds of times as much.
GENEROUS = 10


class Cost(NamedTuple):
    """Processor time in nanoseconds: of the event loop's thread, and of all threads together."""

    loop: int
    all: int

    @classmethod
    def least(cls, costs: Iterable["Cost"]) -> "Cost":
        """Return the smallest cost of several: it contains the least other work of the process."""
        some = [*costs]
        return cls(min(cost.loop for cost in some), min(cost.all for cost in some))

    def is_about_equal_to(self, harmless: "Cost") -> bool:
        """Return whether this is about the cost of a harmless input."""
        return self.loop <= GENEROUS * harmless.loop and self.all <= GENEROUS * harmless.all


class Meter(NamedTuple):
    """A server, and how to measure its cost."""

    target: Target
    server: Server

    def read(self) -> Cost:
        """Return the server's cost since its start."""
        loop = Path(f"/proc/{self.server.pid}/schedstat").read_text().split()[0]
        return Cost(int(loop), time.clock_gettime_ns(clock_of(self.server.pid)))

    def ask(self, data: bytes) -> tuple[Cost, list[Answer]]:
        """Return the cost of serving a connection, and its responses."""
        before = self.read()
        answers = self.target.send(data)
        after = self.read()
        return Cost(after.loop - before.loop, after.all - before.all), answers

    def least(self, data: bytes) -> Cost:
        """Return the smallest cost of a request in several attempts."""
        return Cost.least(self.ask(data)[0] for _ in range(TRIES))

    def assert_costs_about(self, hostile: bytes, harmless: Cost) -> list[Answer]:
        """Check that a request costs about as much as a harmless one; return its responses."""
        for _ in range(TRIES):
            cost, answers = self.ask(hostile)
            if cost.is_about_equal_to(harmless):
                return answers
        raise AssertionError(f"{hostile[:200]!r} costs {cost}, a harmless input {harmless}")


def clock_of(process: int) -> int:
    """Return the clock of a process's processor time (POSIX, clock_getcpuclockid)."""
    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(process, ctypes.byref(clock)) == 0
    return clock.value


def filled(size: int, unit: str, before: str = "", after: str = "") -> str:
    """Repeat ``unit`` until the text has ``size`` characters, or as many as fit below."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def statuses(answers: Sequence[Answer]) -> list[int]:
    """Return the status of each response."""
    return [answer.status for answer in answers]
