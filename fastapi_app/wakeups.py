"""Notifications from the database that any process has committed a change."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiosqlite

from contract.addresses import File, parse_address
from contract.events import CHANNEL
from contract.postgresql import BoundedAsyncConnection, connection_parameters
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
    address = parse_address(settings.database_url)
    if isinstance(address, File):
        return sqlite_wakeups(address.path)
    timeout = settings.database_timeout
    return postgresql_wakeups(connection_parameters(address, "fastapi events", timeout))


async def sqlite_wakeups(file: Path) -> AsyncGenerator[None]:
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
            # SQLite tells nobody of a change.
            await asyncio.sleep(POLL)
    finally:
        await connection.close()


async def postgresql_wakeups(parameters: dict[str, Any]) -> AsyncGenerator[None]:
    """Wait for the notifications of the triggers."""
    connection = await BoundedAsyncConnection.connect(**parameters, autocommit=True)
    async with connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            yield
            # One notification is enough to wake up; the next round consumes the others.
            async for _ in connection.notifies(timeout=NOTIFY_TIMEOUT, stop_after=1):
                break
            else:
                # A connection that was cut without a word sends no notification either.
                async with asyncio.timeout(NOTIFY_TIMEOUT):
                    await connection.execute("SELECT 1")
