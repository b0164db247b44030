"""Steps that a cancellation does not interrupt."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

LAST_STEP = 1.0  # seconds to wait for a step, so that a hanging database does not block a stop


async def finish(step: Awaitable[T]) -> T:
    """Await a step; when cancelled, wait until the step has ended.

    A connection to SQLite works in a thread. When the task is cancelled, aiosqlite and SQLAlchemy
    abandon the call in that thread, and the file stays open until the garbage collector runs. A
    step that takes longer than LAST_STEP is cancelled after all.
    """
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_STEP):
                await asyncio.gather(running, return_exceptions=True)
        raise
