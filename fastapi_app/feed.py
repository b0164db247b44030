"""One reader of the outbox in each process that has listeners."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from sqlalchemy.exc import TimeoutError as DatabaseTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.events import Mark, Reset, UserEvent
from fastapi_app.listeners import Listener
from fastapi_app.outbox import DATABASE_ERRORS, Outbox
from fastapi_app.steps import finish
from fastapi_app.watched import WatchedTask

logger = logging.getLogger("fastapi_app")

START = 20.0  # seconds until a listener that finds no feed gives up
CATCHING_UP = 4  # listeners that read the table at once; requests need connections, too

feeds: "set[Feed]" = set()  # the feeds that run in this process


class Feed:
    """Reads each new event once and passes it to all listeners.

    Without listeners, it does not use the database. It then begins anew, after the last event.

    Args:
        sessionmaker: creates sessions of the process's engine.
        wakeups: returns a generator that yields when there may be new events; see
            ``fastapi_app.wakeups``.
    """

    def __init__(
        self,
        sessionmaker: async_sessionmaker[AsyncSession],
        wakeups: Callable[[], AsyncGenerator[None]],
    ) -> None:
        self.outbox = Outbox(sessionmaker)
        self.wakeups = wakeups
        self.last = 0
        self.mark: Mark | None = None  # of the last event, if it has been there
        self.listeners: set[Listener] = set()
        self.interested = 0  # listeners, and those that wait for the start
        self.wanted = asyncio.Event()
        self.started = asyncio.Event()
        self.catching_up = asyncio.Semaphore(CATCHING_UP)
        self.task = WatchedTask("The event feed", self._run, DATABASE_ERRORS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read events until the block ends."""
        feeds.add(self)
        try:
            async with self.task.running():
                yield
        finally:
            feeds.discard(self)

    async def _run(self) -> None:
        while True:
            if not self.interested:
                self.task.fault = None
                self.started.clear()
                self.wanted.clear()
                await self.wanted.wait()
            if not await self._follow():
                return

    async def _follow(self) -> bool:
        """Read events until there are no listeners; return False if the wakeups have ended.

        Listeners miss no event when an error ends this: the next call continues after the last one.
        """
        async with aclosing(self.wakeups()) as wakeups:
            async for _ in wakeups:
                await finish(self._read())
                self.task.works()
                if not self.interested:
                    return True
        return False

    async def _read(self) -> None:
        if not self.started.is_set():
            await self._go_to_end()
            self.started.set()
        while True:
            before = self.last
            events, last = await self.outbox.page(before)
            # Read after the page: if the last event is still there, the page continues it.
            marks = await self.outbox.marks(before, last)
            if before and (self.mark is None or marks.get(before) != self.mark):
                await self._reset()
            elif last == before:
                return
            else:
                self.mark, self.last = marks.get(last), last
                for listener in [*self.listeners]:
                    listener.deliver(events)

    async def _reset(self) -> None:
        """Go on from the end: the last event is gone, or after a restore another has its id."""
        logger.warning("The event %d is gone; listeners are told to reset", self.last)
        await self._go_to_end()
        for listener in [*self.listeners]:
            listener.reset(Reset(id=self.last))

    async def _go_to_end(self) -> None:
        _, self.last = await self.outbox.range()
        self.mark = (await self.outbox.marks(self.last)).get(self.last)

    @asynccontextmanager
    async def listening(
        self, after: int | None
    ) -> AsyncIterator[AsyncGenerator[UserEvent | Reset]]:
        """Listen to new events, or to all events after an id.

        Yields:
            A generator of every event, once and in order, however slowly it is read. A listener
            that then listens again, after the last event it has received, misses none. A Reset
            comes where events are missing, because the table no longer has them.
        """
        async with self._start():
            listener = Listener(self._stored, after, self.last)
            self.listeners.add(listener)
            try:
                async with aclosing(listener.events()) as events:
                    yield events
            finally:
                self.listeners.discard(listener)

    @asynccontextmanager
    async def _start(self) -> AsyncIterator[None]:
        """Wait until the feed reads, and keep it reading in the block."""
        self.interested += 1
        self.wanted.set()
        try:
            try:
                async with asyncio.timeout(START):
                    await self.started.wait()
            except TimeoutError as error:
                raise DatabaseTimeout("the event feed has not started") from error
            yield
        finally:
            self.interested -= 1

    async def _stored(self, after: int) -> AsyncGenerator[tuple[list[UserEvent], int] | Reset]:
        """Yield pages of the table for a listener, up to a gap.

        Few listeners at once hold a connection.
        """
        while True:
            async with self.catching_up:
                events, last = await self.outbox.page(after)
                # Asked after the page: the clean-up deletes events, the oldest first.
                gap = await self._find_gap(after) if after else None
            if gap is not None:
                yield gap
            if gap is not None or last == after:
                return
            yield events, last
            after = last

    async def _find_gap(self, after: int) -> Reset | None:
        """Return a reset for a listener whose last event is not, or no longer, in the table."""
        oldest, newest = await self.outbox.range()
        is_there = after in await self.outbox.marks(after)
        # A listener has the id of an event, or of the last one before the oldest.
        return None if is_there or after == max(oldest - 1, 0) else Reset(id=newest)
