"""A comparison as JSON lines: each answer when it has arrived, and the result at the end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.types import Receive

from framework_gateway.compare.documents import answer_line, result_line
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.messages import Answer

MEDIA_TYPE = "application/x-ndjson"


async def json_lines(
    compare: Callable[[Callable[[Answer], None]], Coroutine[Any, Any, Comparison]],
    limiter: CapacityLimiter,
) -> AsyncGenerator[bytes, None]:
    """Yield ``{"answer": ...}`` for each answer, then ``{"comparison": ...}`` without the answers.

    Args:
        compare: starts the comparison; it calls its argument with each answer.
        limiter: of the threads that render the lines.
    """
    arrived: asyncio.Queue[Answer | None] = asyncio.Queue()
    work = asyncio.create_task(compare(arrived.put_nowait))
    work.add_done_callback(lambda _work: arrived.put_nowait(None))
    try:
        while (answer := await arrived.get()) is not None:
            yield await to_thread.run_sync(answer_line, answer, limiter=limiter)
        yield await to_thread.run_sync(result_line, work.result(), limiter=limiter)
    finally:
        work.cancel()


async def while_connected(work: Awaitable[object], receive: Receive) -> None:
    """Run ``work``, and cancel it when the client disconnects.

    Args:
        receive: of a request whose body has been read.
    """
    running = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(wait_until_left(receive))
    try:
        await asyncio.wait([running, leaving], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
    finally:
        for each in (running, leaving):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each


async def wait_until_left(receive: Receive) -> None:
    """Wait until the client disconnects."""
    for _ in range(2):  # the first message is the request itself if it has no body
        if (await receive())["type"] == "http.disconnect":
            return
    # Middleware may repeat the body for ever; then nobody tells when the client leaves.
    await asyncio.Event().wait()
