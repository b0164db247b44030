"""Start the mounted applications side by side, and stop them side by side."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from framework_gateway.mounts.django_recorder import keep_recording
from framework_gateway.mounts.event_loop import prepare_event_loop
from framework_gateway.mounts.mount import Mount


@asynccontextmanager
async def run_lifespans(
    mounts: Sequence[Mount], wait: float | None = None
) -> AsyncIterator[asyncio.Future[Any]]:
    """Start the applications side by side, and stop them side by side.

    Args:
        mounts: the mounts; one application at several prefixes starts once.
        wait: seconds to wait for the starts, which then continue; by default until they have ended.

    Yields:
        A future that is done when all starts have ended.
    """
    prepare_event_loop()
    keep_recording()
    groups: list[list[Mount]] = []
    for mount in mounts:
        if mount.is_startable:
            same = (group for group in groups if group[0].shares_lifespan(mount))
            if (group := next(same, None)) is None:
                groups.append([mount])
            else:
                group.append(mount)
    starts = asyncio.gather(*map(start_together, groups))
    starts.add_done_callback(note_end)
    await asyncio.wait([starts], timeout=wait)
    try:
        yield starts
    finally:
        starts.cancel()
        await asyncio.gather(*(group[0].shutdown() for group in groups))


def note_end(starts: asyncio.Future[Any]) -> None:
    """Take the exception of a start that was cancelled, which asyncio would log as forgotten."""
    if not starts.cancelled():
        starts.exception()


async def start_together(mounts: Sequence[Mount]) -> None:
    """Start one application that is mounted at several prefixes."""
    first, *others = mounts
    for mount in mounts:
        mount.set_starting()
    await first.startup()
    for mount in others:
        mount.follow(first)
