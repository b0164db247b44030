"""One reader of the outbox for each process, and any number of listeners."""

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

PAGE = 200  # events read at once
ROOM = 1000  # events that may wait for a listener before it is cut off
PAUSE = 1.0  # seconds before the reader tries again when the database is gone

BROKEN = (OSError, psycopg.Error, aiosqlite.Error, SQLAlchemyError)


class TooSlow(Exception):
    """More events waited for a listener than it may leave waiting."""


class Feed:
    """Reads new events once, however many listen.

    Args:
        sessionmaker: of the process's engine.
        wakeups: makes what ``fastapi_app.wakeups.wakeups`` returns.
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
        """Read as long as the block lasts."""
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
            except BROKEN as error:
                # Whoever listens meanwhile misses nothing: the reader goes on where it was.
                # No warning: every request says so, too, and this comes each second.
                logger.info("The feed of events waits for the database: %s", error)
                await asyncio.sleep(PAUSE)

    async def _read(self) -> None:
        async with self.sessionmaker() as session:
            newest = await session.scalar(select_last_event()) or 0
        # Also when a backup has been put in the database's place: its ids are older.
        if not self.started.is_set() or newest < self.last:
            self.last = newest
            self.started.set()
        while events := await self._page(self.last):
            self.last = events[-1].id
            for listener in [*self.listeners]:
                self._hand_out(events, listener)

    def _hand_out(self, events: list[UserEvent], listener: asyncio.Queue[UserEvent]) -> None:
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
        """Listen from the beginning of the block on, or from after the event with an id.

        Yields:
            Every event once, in order. It raises TooSlow when too many wait to be taken; whoever
            listens again after the last that it has seen misses none.
        """
        await self.started.wait()
        listener: asyncio.Queue[UserEvent] = asyncio.Queue(ROOM)
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
        # What was there before, page by page; what comes meanwhile waits in the queue.
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
