"""Notifications from the database that any process has committed a change."""

import asyncio
from collections.abc import AsyncGenerator

import aiosqlite
import psycopg

from contract.events import CHANNEL
from contract.private_files import protect_database
from contract.settings import Settings
from fastapi_app.steps import finish

POLL = 0.1  # seconds between two queries of SQLite's counter of commits
NOTIFY_TIMEOUT = 5.0  # seconds until a look without a notification: a restore sends none


def wakeups(settings: Settings) -> AsyncGenerator[None]:
    """Yield once at the start, and then whenever there may be a new event.

    Raises:
        OSError, psycopg.Error, aiosqlite.Error: the connection to the database is lost.
    """
    protect_database(settings.database_url)
    if settings.database_url.startswith("sqlite"):
        return sqlite_wakeups(settings.database_url.removeprefix("sqlite:///"))
    return postgresql_wakeups(settings.database_url)


async def sqlite_wakeups(file: str) -> AsyncGenerator[None]:
    """Watch ``PRAGMA data_version``, which changes with each commit of another connection."""
    connection = aiosqlite.connect(file)
    try:
        await finish(connection)
        seen = None
        while True:
            # execute_fetchall closes its cursor; an open one would keep the file open.
            ((version,),) = await connection.execute_fetchall("PRAGMA data_version")
            if version != seen:
                seen = version
                yield
            await asyncio.sleep(POLL)
    finally:
        await connection.close()


async def postgresql_wakeups(url: str) -> AsyncGenerator[None]:
    """Wait for the notifications of the triggers."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            yield
            # One notification is enough to wake up; the next round consumes the others.
            async for _ in connection.notifies(timeout=NOTIFY_TIMEOUT, stop_after=1):
                pass
