"""Start the mounted applications side by side, and stop them side by side."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any

from uvicorn.middleware.asgi2 import ASGI2Middleware

from framework_gateway.mounts.deadline import deadline
from framework_gateway.mounts.django_recorder import keep_recording
from framework_gateway.mounts.event_loop import prepare_event_loop
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.threads import current_threads
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.wsgi.middleware import BUSY_HEADERS

logger = logging.getLogger("framework_gateway")

LONG_STEP = 1.0  # seconds that a start may block the other mounts without a word in the log
STOP_MARGIN = 2.0  # seconds that a stop may take after the grace period, to report what is left


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
        if has_lifespan(mount.load()):
            same = (group for group in groups if share_lifespan(group[0], mount))
            if (group := next(same, None)) is None:
                groups.append([mount])
            else:
                group.append(mount)
    starts = asyncio.gather(*map(start_together, groups))
    starts.add_done_callback(note_end_of_starts)
    await asyncio.wait([starts], timeout=wait)
    try:
        yield starts
    finally:
        starts.cancel()
        await asyncio.gather(*(stop(group[0]) for group in groups))


def has_lifespan(mount: Mount) -> bool:
    """Return whether an application was loaded and has a lifespan to run."""
    if mount.kind == "asgi" and not isinstance(mount.application, Upstream):
        return mount.options.lifespan
    return mount.kind is not None


def share_lifespan(*mounts: Mount) -> bool:
    """Return whether two mounts have the same ASGI application; WSGI has no lifespan."""
    if any(mount.kind != "asgi" for mount in mounts):
        return False
    one, two = (
        mount.application.app
        if isinstance(mount.application, ASGI2Middleware)
        else mount.application
        for mount in mounts
    )
    return bool(one == two)  # not "is": a bound method is a new object each time


def note_end_of_starts(starts: asyncio.Future[Any]) -> None:
    """Take the exception of a start that was cancelled, which asyncio would log as forgotten."""
    if not starts.cancelled():
        starts.exception()


async def start_together(mounts: Sequence[Mount]) -> None:
    """Start one application that is mounted at several prefixes."""
    first, *others = mounts
    for mount in mounts:
        mount.failure, mount.retry_after = f"{mount.called} is starting", BUSY_HEADERS
    await start(first)
    for mount in others:
        mount.lifespan = first.lifespan
        mount.failure, mount.retry_after = first.failure, first.retry_after


async def start(mount: Mount) -> None:
    """Start an application; if that fails or takes too long, set its ``failure``."""
    seconds = mount.options.start_timeout
    mount.lifespan_fault = None
    context = copy_context()
    context.run(current_threads.set, mount.threads)
    watch, on_end = partial(watch_step, mount), partial(note_end_of_lifespan, mount)
    try:
        # Not wait_for(): it would wait for an application that ignores its cancellation.
        async with asyncio.timeout(seconds):
            await mount.lifespan.startup(context, watch, on_end)
    except TimeoutError:
        mount.fail("could not be started", TimeoutError(f"it took longer than {seconds:g} s"))
    # Usually LifespanFailed; any other error must not keep the others from starting.
    except Exception as error:
        mount.fail("could not be started", error)
    else:
        mount.failure = None


@contextmanager
def watch_step(mount: Mount) -> Iterator[None]:
    """Watch one step of a start, which keeps the event loop from everything else."""
    began = perf_counter()
    with deadline(mount.options.start_timeout), mount.process_state.watch():
        yield
    if (blocked := perf_counter() - began) > LONG_STEP:
        logger.warning(
            "%s blocked all mounts for %.1f s when it started; run what takes long in a thread"
            " (asyncio.to_thread)",
            mount.called,
            blocked,
        )


def note_end_of_lifespan(mount: Mount, error: BaseException) -> None:
    """Note that a lifespan has ended; the application may still serve some requests."""
    mount.lifespan_fault = f"the lifespan of the application has ended: {error!r}"
    logger.error("%s: its lifespan has ended", mount.called, exc_info=error)


async def stop(mount: Mount) -> None:
    """Stop an application within its grace period; only log a failure."""
    try:
        async with asyncio.timeout(mount.options.grace + STOP_MARGIN):
            await mount.lifespan.shutdown()
    except TimeoutError:
        logger.error("%s did not stop within %g s", mount.called, mount.options.grace)
    # An application may raise anything; the others must still be stopped.
    except Exception:
        logger.exception("%s did not stop cleanly", mount.called)
    mount.threads.close()
