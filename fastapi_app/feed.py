"""One reader of the outbox in each process, and any number of listeners."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiosqlite
import psycopg
from sqlalchemy import Row
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.events import UserEvent, select_event_ids, select_events, select_last_event
from fastapi_app.steps import finish
from fastapi_app.watched import WatchedTask

logger = logging.getLogger("fastapi_app")

PAGE = 200  # events in one query
QUEUE_SIZE = 1000  # events that may wait for a listener before it is dropped
MAX_TOLD = 1000  # events that cannot be read and are remembered, so that each is logged once

DATABASE_ERRORS = (OSError, psycopg.Error, aiosqlite.Error, SQLAlchemyError)

# SQLite's driver calls text that is not UTF-8 an operational error, as it does an outage.
UNREADABLE_TEXT = "decode to UTF-8"

feeds: "set[Feed]" = set()  # the feeds that run in this process


class TooSlow(Exception):
    """The queue of a listener is full."""


def is_outage(error: Exception) -> bool:
    """Return whether an error is that of the database, and not of a value in a row."""
    is_value = isinstance(error, (psycopg.DataError, DataError)) or UNREADABLE_TEXT in str(error)
    return isinstance(error, DATABASE_ERRORS) and not is_value


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
        self.passed_by: dict[int, None] = {}  # ids of events that cannot be read, oldest first
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
        # Listeners miss no event: each run continues after the last event that was read.
        async with aclosing(self.wakeups()) as wakeups:
            async for _ in wakeups:
                await finish(self._read())
                self.task.works()

    async def _read(self) -> None:
        async with self.sessionmaker() as session:
            newest = await session.scalar(select_last_event()) or 0
        # After a backup has been restored, the newest id may be smaller than the last one read.
        if not self.started.is_set() or newest < self.last:
            self.last = newest
            self.started.set()
        while True:
            events, last = await self._page(self.last)
            if last == self.last:
                return
            self.last = last
            for listener in [*self.listeners]:
                self._deliver(events, listener)

    def _deliver(self, events: list[UserEvent], listener: asyncio.Queue[UserEvent]) -> None:
        for event in events:
            try:
                listener.put_nowait(event)
            except asyncio.QueueFull:
                self.listeners.discard(listener)
                return

    async def _page(self, after: int) -> tuple[list[UserEvent], int]:
        """Return events, and the id after which the next page begins."""
        try:
            async with self.sessionmaker() as session:
                rows = (await session.execute(select_events(after, PAGE))).all()
        except Exception as error:
            if is_outage(error):
                raise
            return await self._page_by_rows(after)
        events = [event for row in rows if (event := self._event_from(row, row.id)) is not None]
        return events, rows[-1].id if rows else after

    async def _page_by_rows(self, after: int) -> tuple[list[UserEvent], int]:
        """Read each event by itself, because one of them cannot be read."""
        events = []
        async with self.sessionmaker() as session:
            ids = (await session.scalars(select_event_ids(after, PAGE))).all()
            for event_id in ids:
                try:
                    row = (await session.execute(select_events(event_id - 1, 1))).one()
                except Exception as error:
                    if is_outage(error):
                        raise
                    self._pass_by(event_id, error)
                else:
                    event = self._event_from(row, event_id)
                    events += [event] if event is not None else []
        return events, ids[-1] if ids else after

    def _event_from(self, row: Row[Any], event_id: int) -> UserEvent | None:
        """Return the event of a row; None if the row is none, which a script may have written."""
        try:
            return UserEvent.from_row(row)
        except ValueError as error:
            self._pass_by(event_id, error)
        return None

    def _pass_by(self, event_id: int, error: Exception) -> None:
        if event_id not in self.passed_by:
            self.passed_by[event_id] = None
            if len(self.passed_by) > MAX_TOLD:
                del self.passed_by[next(iter(self.passed_by))]
            # Not the error: it shows names and email addresses.
            logger.error("The event %d cannot be read (%s)", event_id, type(error).__name__)

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
        while after is not None:
            events, last = await self._page(sent)
            for event in events:
                yield event
            if last == sent:
                break
            sent = last
        while True:
            if listener.empty() and listener not in self.listeners:
                raise TooSlow
            event = await listener.get()
            if event.id > sent:
                yield event
