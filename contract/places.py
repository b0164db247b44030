"""How many requests of an application may wait for the database at the same time.

A request that waits for a lock holds a thread, or a connection. Without a limit, a lock on the
users stops every thread and so each request, also those that need no lock or no database. So some
threads never wait: those of them that get no place soon answer 503.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from contract.problems import DatabaseUnavailable
from contract.settings import Settings

MAX_STALL = 5.0  # seconds; less than a request may wait for a thread


class Line:
    """Places, and the rule for those who find none free.

    They wait as long as others come out well. When none does for ``stall`` seconds, they give up,
    and so does everybody who comes later, until somebody comes out well again. Those inside, who
    have a place, try all the same.

    Args:
        places: how many may be inside.
        stall: seconds to wait while nobody comes out.
        timeout: seconds to wait at all.
        failures: the exceptions with which somebody comes out badly.
    """

    def __init__(
        self, places: int, stall: float, timeout: float, failures: tuple[type[Exception], ...]
    ) -> None:
        self.places = places
        self.stall = stall
        self.timeout = timeout
        self.failures = failures
        self.inside = 0
        self.failing = False  # whether the last one came out badly
        self.moved_at = 0.0  # when somebody came out well, or the last free place was taken
        self.freed = threading.Condition()
        self.waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free."""
        if self.inside >= self.places:
            return False
        self.inside += 1
        if self.inside == self.places and not self.failing:
            self.moved_at = time.monotonic()
        return True

    def give_back(self, *, failing: bool) -> None:
        """Give a place back."""
        self.inside -= 1
        self.failing = failing
        if not failing:
            self.moved_at = time.monotonic()

    def remaining(self, since: float) -> float:
        """Return for how many seconds somebody may still wait.

        Raises:
            DatabaseUnavailable: not at all.
        """
        end = min(self.moved_at + self.stall, since + self.timeout)
        if (left := end - time.monotonic()) <= 0:
            raise DatabaseUnavailable
        return left

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place, in a thread.

        Raises:
            DatabaseUnavailable: none got free.
        """
        since = time.monotonic()
        with self.freed:
            while not self.take():
                self.freed.wait(self.remaining(since))
        failing = False
        try:
            yield
        except self.failures:
            failing = True
            raise
        finally:
            with self.freed:
                self.give_back(failing=failing)
                self.freed.notify()

    @asynccontextmanager
    async def async_place(self) -> AsyncIterator[None]:
        """Hold a place, in a task; a line is for tasks of one event loop or for threads.

        Raises:
            DatabaseUnavailable: none got free.
        """
        since = time.monotonic()
        while not self.take():
            await self._wait(self.remaining(since))
        failing = False
        try:
            yield
        except self.failures:
            failing = True
            raise
        finally:
            self.give_back(failing=failing)
            self._wake_next()

    async def _wait(self, seconds: float) -> None:
        """Wait until a place was free a moment ago, or for some seconds."""
        freed = asyncio.get_running_loop().create_future()
        self.waiting.append(freed)
        try:
            await asyncio.wait([freed], timeout=seconds)
        except asyncio.CancelledError:
            if freed.done():
                self._wake_next()
            raise
        finally:
            freed.cancel()

    def _wake_next(self) -> None:
        while self.waiting:
            freed = self.waiting.popleft()
            if not freed.done():
                return freed.set_result(None)


class Places:
    """The places of one application in one process.

    Attributes:
        readers: for requests that use the database; a few threads stay free for other requests.
        writers: for requests that change users. A lock that stops writers need not stop readers.
    """

    def __init__(self, settings: Settings, failures: tuple[type[Exception], ...]) -> None:
        threads, timeout = settings.threads, settings.database_timeout
        stall = min(timeout / 4, MAX_STALL)
        free = max(1, threads // 7) if threads > 1 else 0
        self.readers = Line(threads - free, stall, timeout, failures)
        self.writers = Line(max(1, threads // 2), stall, timeout, failures)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold both places, in a thread."""
        with self.writers.place(), self.readers.place():
            yield

    @asynccontextmanager
    async def async_writing(self) -> AsyncIterator[None]:
        """Hold both places, in a task."""
        async with self.writers.async_place(), self.readers.async_place():
            yield
