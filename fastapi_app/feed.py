"""One reader of the outbox in each process, and any number of listeners."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import aiosqlite
import psycopg
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.events import (
    Reset,
    UserEvent,
    select_events,
    select_newest_event,
    select_range,
)
from fastapi_app.listeners import Listener
from fastapi_app.steps import finish

logger = logging.getLogger("fastapi_app")

PAGE = 200  # events in one query
CATCHING_UP = 4  # listeners that read the table at once; the others keep their connections
RETRY_DELAY = 1.0  # seconds before the reader tries again after an error of the database

DATABASE_ERRORS = (OSError, psycopg.Error, aiosqlite.Error, SQLAlchemyError)


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
        self.newest: Row[Any] | None = None  # the last row that was read
        self.listeners: set[Listener] = set()
        self.started = asyncio.Event()
        self.catching_up = asyncio.Semaphore(CATCHING_UP)

    @property
    def last(self) -> int:
        """The id of the last event that was read; 0 at the start of an empty table."""
        return 0 if self.newest is None else self.newest.id

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
        if not self.started.is_set():
            self.newest = await self._find_newest()
            self.started.set()
        while rows := await self._next_rows():
            self.newest = rows[-1]
            events = [UserEvent.from_row(row) for row in rows]
            for listener in [*self.listeners]:
                listener.deliver(events)

    async def _next_rows(self) -> Sequence[Row[Any]]:
        """Return the rows after the last one; tell the listeners if that one is gone.

        After a restore, another row may have its id.
        """
        if self.newest is None:
            return await self._rows(0)
        rows = await self._rows(self.last - 1)
        if rows and rows[0] == self.newest:
            return rows[1:]
        logger.warning("The events before %d are gone; listeners are told to reset", self.last)
        self.newest = await self._find_newest()
        for listener in [*self.listeners]:
            listener.reset(Reset(id=self.last))
        return []

    async def _rows(self, after: int) -> Sequence[Row[Any]]:
        async with self.sessionmaker() as session:
            rows: Sequence[Row[Any]] = (await session.execute(select_events(after, PAGE))).all()
        return rows

    async def _find_newest(self) -> Row[Any] | None:
        async with self.sessionmaker() as session:
            row: Row[Any] | None = (await session.execute(select_newest_event())).one_or_none()
        return row

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
        await self.started.wait()
        listener = Listener(self._stored, self._find_gap, after, self.last)
        self.listeners.add(listener)
        try:
            async with aclosing(listener.events()) as events:
                yield events
        finally:
            self.listeners.discard(listener)

    async def _stored(self, after: int) -> AsyncGenerator[UserEvent]:
        """Yield the events of the table after an id, page by page."""
        while True:
            async with self.catching_up:
                rows = await self._rows(after)
            for row in rows:
                yield UserEvent.from_row(row)
            if len(rows) < PAGE:
                return
            after = rows[-1].id

    async def _find_gap(self, after: int) -> Reset | None:
        """Return a reset for a listener whose last event is not, or no longer, in the table."""
        async with self.catching_up, self.sessionmaker() as session:
            oldest, newest = (await session.execute(select_range())).one()
        is_gone = newest is None or after > newest or after < oldest - 1
        return Reset(id=newest or 0) if is_gone else None
