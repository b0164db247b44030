"""Hear from the database that something has been committed, by whichever process."""

import asyncio
from collections.abc import AsyncGenerator

import aiosqlite
import psycopg

from contract.events import CHANNEL
from contract.private_files import protect_database
from contract.settings import Settings
from fastapi_app.steps import finish

LOOK = 0.1  # seconds between two looks at SQLite's counter of commits
PATIENCE = 30.0  # seconds after which a listener looks even though nobody has called


def wakeups(settings: Settings) -> AsyncGenerator[None]:
    """Yield once at the start, and then whenever there may be something new.

    Raises:
        OSError, psycopg.Error, aiosqlite.Error: the database cannot be reached any more.
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
            # No cursor stays behind: one would keep the file open after the connection is closed.
            ((version,),) = await connection.execute_fetchall("PRAGMA data_version")
            if version != seen:
                seen = version
                yield
            await asyncio.sleep(LOOK)
    finally:
        await connection.close()


async def postgresql_wakeups(url: str) -> AsyncGenerator[None]:
    """Listen to what the trigger notifies of."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            yield
            # One of several is enough to look; the next round takes those that come meanwhile.
            async for _ in connection.notifies(timeout=PATIENCE, stop_after=1):
                pass
