"""Steps that are not cancelled halfway."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

LAST_STEP = 1.0  # seconds that a step gets to end; a database that hangs does not hold a stop


async def finish(step: Awaitable[T]) -> T:
    """Await a step; a cancellation waits until the step has ended.

    A connection to SQLite works in a thread. aiosqlite and SQLAlchemy forget what that thread is
    doing when the task is cancelled: the file stays open until the garbage collector runs. A step
    that takes longer than LAST_STEP is cancelled after all.
    """
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_STEP):
                await asyncio.gather(running, return_exceptions=True)
        raise
