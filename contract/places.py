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
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from weakref import WeakValueDictionary

from contract.addresses import File, parse_address
from contract.problems import DatabaseUnavailable
from contract.settings import Settings

MAX_STALL = 5.0  # seconds; less than a request may wait for a thread


class Line:
    """Places, and the rule for those who find none free.

    They wait as long as others come out well, and get a place in the order in which they came. When
    none comes out for ``stall`` seconds, they give up, and so does everybody who comes later, until
    somebody comes out well again. Those inside, who have a place, try all the same.

    Threads and tasks of any event loop may share a line.

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
        self.waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def enter(self) -> Future[None]:
        """Return a future that is done once the caller has a place."""
        entered: Future[None] = Future()
        with self._lock:
            self.waiting.append(entered)
            self._admit()
        return entered

    def leave(self, *, failing: bool) -> None:
        """Give a place back."""
        with self._lock:
            self.inside -= 1
            self.failing = failing
            if not failing:
                self.moved_at = time.monotonic()
            self._admit()

    def _admit(self) -> None:
        while self.waiting and self.inside < self.places:
            entered = self.waiting.popleft()
            if entered.set_running_or_notify_cancel():
                self.inside += 1
                if self.inside == self.places and not self.failing:
                    self.moved_at = time.monotonic()
                entered.set_result(None)

    def _give_up(self, entered: Future[None]) -> None:
        if not entered.cancel():
            return self.leave(failing=self.failing)
        with self._lock, suppress(ValueError):
            self.waiting.remove(entered)

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
        since, entered = time.monotonic(), self.enter()
        try:
            while not entered.done():
                with suppress(TimeoutError):
                    entered.result(self.remaining(since))
        # Whatever ends the wait, also KeyboardInterrupt: the place is for the next one.
        except BaseException:
            self._give_up(entered)
            raise
        with self._leaving():
            yield

    @asynccontextmanager
    async def async_place(self) -> AsyncIterator[None]:
        """Hold a place, in a task.

        Raises:
            DatabaseUnavailable: none got free.
        """
        since, entered = time.monotonic(), self.enter()
        try:
            if not entered.done():
                done = asyncio.wrap_future(entered)
                while not done.done():
                    await asyncio.wait([done], timeout=self.remaining(since))
        # Also a cancellation, as above.
        except BaseException:
            self._give_up(entered)
            raise
        with self._leaving():
            yield

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        failing = False
        try:
            yield
        except self.failures:
            failing = True
            raise
        finally:
            self.leave(failing=failing)


# SQLite has one writer at a time and no queue for the others. All applications of the process share
# one, by URL.
turns: WeakValueDictionary[str, Line] = WeakValueDictionary()


def turn_of(settings: Settings, failures: tuple[type[Exception], ...]) -> Line | None:
    """Return the line of SQLite's writers in this process; PostgreSQL needs none."""
    if not isinstance(parse_address(settings.database_url), File):
        return None
    timeout = settings.database_timeout
    # The lines of writers hear of a stall; those that wait here have a place there.
    turn = turns.setdefault(settings.database_url, Line(1, timeout, timeout, ()))
    turn.failures = tuple({*turn.failures, *failures})
    return turn


class Places:
    """The places of one application in one process.

    Attributes:
        readers: for requests that use the database; a few threads stay free for other requests.
        writers: for requests that change users. A lock that stops writers need not stop readers.
        turn: for the transaction that writes to SQLite.
    """

    def __init__(self, settings: Settings, failures: tuple[type[Exception], ...]) -> None:
        threads, timeout = settings.threads, settings.database_timeout
        stall = min(timeout / 4, MAX_STALL)
        free = max(1, threads // 7) if threads > 1 else 0
        self.readers = Line(threads - free, stall, timeout, failures)
        self.writers = Line(max(1, threads // 2), stall, timeout, failures)
        self.turn = turn_of(settings, failures)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold both places, in a thread."""
        with self.writers.place(), self.readers.place():
            yield

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Hold both places and the turn of a transaction, in a thread."""
        with self.writing(), self.turn.place() if self.turn else nullcontext():
            yield

    @asynccontextmanager
    async def async_committing(self) -> AsyncIterator[None]:
        """Hold the same, in a task."""
        async with (
            self.writers.async_place(),
            self.readers.async_place(),
            self.turn.async_place() if self.turn else nullcontext(),
        ):
            yield
