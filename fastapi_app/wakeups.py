"""When to look for new events: any process may have committed a change."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiosqlite

from contract.addresses import File, parse_address
from contract.events import NUMBER_EVENTS
from contract.postgresql import BoundedAsyncConnection, connection_parameters
from contract.private_files import protect_database
from contract.settings import Settings
from fastapi_app.steps import finish

POLL = 0.1  # seconds between two queries of SQLite's counter of commits
NUMBERING_POLL = 0.25  # seconds between two queries that number PostgreSQL's events
NUMBERING_POLL_IN_USE = 0.05  # the same, while events come
IN_USE = 1.0  # seconds after an event in which others are likely
LOOK = 5.0  # seconds until a look without a change: after a restore, the ids may be the same
REST = 20  # times as long as the last look took; a long transaction of somebody makes them slow


def wakeups(settings: Settings) -> AsyncGenerator[None]:
    """Yield once at the start, whenever there may be a new event, and every LOOK seconds.

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
        seen, looked = None, 0.0
        while True:
            # execute_fetchall closes its cursor; an open one would keep the file open.
            ((version,),) = await connection.execute_fetchall("PRAGMA data_version")
            if version != seen or time.monotonic() > looked + LOOK:
                seen, looked = version, time.monotonic()
                yield
            # SQLite tells nobody of a change.
            await asyncio.sleep(POLL)
    finally:
        await connection.close()


async def postgresql_wakeups(parameters: dict[str, Any]) -> AsyncGenerator[None]:
    """Number the events, also for others, and watch the newest one."""
    connection = await BoundedAsyncConnection.connect(**parameters, autocommit=True)
    async with connection:
        # Listeners begin after the events that nobody has numbered.
        while (await number_events(connection, everywhere=True))[1]:
            pass
        seen, look_at, changed = None, 0.0, 0.0
        while True:
            now = time.monotonic()
            is_look = now > look_at
            newest, more = await number_events(connection, everywhere=is_look)
            if newest is not None and newest != seen:
                seen, changed = newest, now
            if is_look:
                ended = time.monotonic()
                look_at = ended + max(LOOK, REST * (ended - now))
            if is_look or now == changed:
                yield
            if not more:
                # Another process that numbers events has found some.
                in_use = newest is None or now < changed + IN_USE
                # Notifications would make writers wait for each other.
                await asyncio.sleep(NUMBERING_POLL_IN_USE if in_use else NUMBERING_POLL)


async def number_events(
    connection: BoundedAsyncConnection, *, everywhere: bool
) -> tuple[int | None, bool]:
    """Return the id of the newest event, and whether more than one batch was pending.

    The id is None while another process numbers events.
    """
    # A connection that was cut without a word gives no other sign. A look everywhere may take as
    # long as any statement.
    async with asyncio.timeout(None if everywhere else LOOK):
        cursor = await connection.execute(NUMBER_EVENTS, [everywhere])
        newest, more = await cursor.fetchone() or (None, False)
    return newest, more
