"""Reading the table of events: page by page, past rows that cannot be read."""

import logging
from typing import Any

import aiosqlite
import psycopg
from sqlalchemy import Row
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.events import (
    Mark,
    UserEvent,
    select_event_ids,
    select_events,
    select_marks,
    select_range,
)

logger = logging.getLogger("fastapi_app")

PAGE = 200  # events in one query
MAX_TOLD = 1000  # events that cannot be read and are remembered, so that each is logged once

DATABASE_ERRORS = (OSError, psycopg.Error, aiosqlite.Error, SQLAlchemyError)

# SQLite's driver calls text that is not UTF-8 an operational error, as it does an outage.
UNREADABLE_TEXT = "decode to UTF-8"


def is_outage(error: Exception) -> bool:
    """Return whether an error is that of the database, and not of a value in a row."""
    is_value = isinstance(error, (psycopg.DataError, DataError)) or UNREADABLE_TEXT in str(error)
    return isinstance(error, DATABASE_ERRORS) and not is_value


class Outbox:
    """The events that are stored.

    Args:
        sessionmaker: creates sessions of the process's engine.
    """

    def __init__(self, sessionmaker: async_sessionmaker[AsyncSession]) -> None:
        self.sessionmaker = sessionmaker
        self.passed_by: dict[int, None] = {}  # ids of events that cannot be read, oldest first

    async def range(self) -> tuple[int, int]:
        """Return the ids of the oldest and of the newest event; zeros if there is none."""
        async with self.sessionmaker() as session:
            oldest, newest = (await session.execute(select_range())).one()
        return oldest or 0, newest or 0

    async def marks(self, *event_ids: int) -> dict[int, Mark]:
        """Return what identifies the events that exist, all as of one moment."""
        async with self.sessionmaker() as session:
            rows = (await session.execute(select_marks(event_ids))).all()
        return {row.id: row for row in rows}

    async def page(self, after: int) -> tuple[list[UserEvent], int]:
        """Return the next events, and the id after which the next page begins.

        The id is the same if nothing follows.
        """
        try:
            async with self.sessionmaker() as session:
                rows = (await session.execute(select_events(after, PAGE))).all()
        # A row that a script has written may fail in the driver, in SQLAlchemy or in Pydantic.
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
                # A row that a script has written, as in page().
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
