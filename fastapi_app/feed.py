"""One reader of the outbox in each process, and any number of listeners."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress

import aiosqlite
import psycopg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.events import UserEvent, select_events, select_last_event
from fastapi_app.steps import finish

logger = logging.getLogger("fastapi_app")

PAGE = 200  # events in one query
QUEUE_SIZE = 1000  # events that may wait for a listener before it is dropped
RETRY_DELAY = 1.0  # seconds before the reader tries again after an error of the database

DATABASE_ERRORS = (OSError, psycopg.Error, aiosqlite.Error, SQLAlchemyError)


class TooSlow(Exception):
    """The queue of a listener is full."""


class Feed:
    """Reads each new event once and passes it to all listeners.

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
        self.sessionmaker = sessionmaker
        self.wakeups = wakeups
        self.last = 0
        self.listeners: set[asyncio.Queue[UserEvent]] = set()
        self.started = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read events until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(self.wakeups()) as wakeups:
                    async for _ in wakeups:
                        await finish(self._read())
            except DATABASE_ERRORS as error:
                # Listeners miss no event: the reader continues after the last one it has read.
                # Not a warning: it repeats every second, and each failing request logs an error.
                logger.info("The event feed waits for the database: %s", error)
                await asyncio.sleep(RETRY_DELAY)

    async def _read(self) -> None:
        async with self.sessionmaker() as session:
            newest = await session.scalar(select_last_event()) or 0
        # After a backup has been restored, the newest id may be smaller than the last one read.
        if not self.started.is_set() or newest < self.last:
            self.last = newest
            self.started.set()
        while events := await self._page(self.last):
            self.last = events[-1].id
            for listener in [*self.listeners]:
                self._deliver(events, listener)

    def _deliver(self, events: list[UserEvent], listener: asyncio.Queue[UserEvent]) -> None:
        for event in events:
            try:
                listener.put_nowait(event)
            except asyncio.QueueFull:
                self.listeners.discard(listener)
                return

    async def _page(self, after: int) -> list[UserEvent]:
        async with self.sessionmaker() as session:
            rows = (await session.execute(select_events(after, PAGE))).all()
        return [UserEvent.from_row(row) for row in rows]

    @asynccontextmanager
    async def listening(self, after: int | None) -> AsyncIterator[AsyncGenerator[UserEvent]]:
        """Listen to new events, or to all events after an id.

        Yields:
            A generator of every event, once and in order. It raises TooSlow when the queue is full.
            A listener that then listens again, after the last event it has received, misses none.
        """
        await self.started.wait()
        listener: asyncio.Queue[UserEvent] = asyncio.Queue(QUEUE_SIZE)
        self.listeners.add(listener)
        try:
            async with aclosing(self._events(listener, after, self.last)) as events:
                yield events
        finally:
            self.listeners.discard(listener)

    async def _events(
        self, listener: asyncio.Queue[UserEvent], after: int | None, now: int
    ) -> AsyncGenerator[UserEvent]:
        sent = now if after is None else after
        # Send the stored events first, page by page; new events wait in the queue.
        while after is not None and (events := await self._page(sent)):
            for event in events:
                yield event
            sent = events[-1].id
        while True:
            if listener.empty() and listener not in self.listeners:
                raise TooSlow
            event = await listener.get()
            if event.id > sent:
                yield event
