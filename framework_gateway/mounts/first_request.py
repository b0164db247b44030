"""Start the applications by the first request, for servers that run no lifespan."""

import asyncio
import threading
from contextvars import Context

from starlette.types import ASGIApp

from framework_gateway.mounts.lifespan import Lifespan


class FirstRequest:
    """Starts an application once, at the first request.

    It stops when the event loop cancels its tasks, or when the process ends.

    Args:
        app: takes the lifespan scope.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._start: asyncio.Task[None] | None = None

    async def wait_for_start(self) -> None:
        """Start the application unless that has been done, and wait until it has started."""
        if self._start is None or self._start.done():
            lifespan = Lifespan(self.app)
            self._start = asyncio.create_task(lifespan.startup(Context()), context=Context())
            stop_before_threads_are_joined(lifespan, asyncio.get_running_loop())
        # Not await: a client that leaves would cancel the start.
        await asyncio.wait([self._start])


def stop_before_threads_are_joined(lifespan: Lifespan, loop: asyncio.AbstractEventLoop) -> None:
    """Stop applications at the end of a process whose event loop ends without a word.

    Before anything else, Python waits for the threads that are no daemons, such as those of a
    database driver, which only the application's stop ends. So ``atexit`` would be too late.
    """

    def stop() -> None:
        if not loop.is_closed() and not loop.is_running():
            loop.run_until_complete(lifespan.shutdown())

    threading._register_atexit(stop)  # type: ignore[attr-defined]
