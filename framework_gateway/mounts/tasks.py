"""Tasks of a mount, which the code of another mount cannot cancel."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any

from framework_gateway.mounts.threads import GATEWAY, current_threads


class MountTask(asyncio.Task[Any]):
    """A task that belongs to the mount in its context, or to the gateway.

    Attributes:
        context: the context that the task runs in; None before ``create_task`` has returned.
        cancelled_by_owner: whether the last to cancel it was the code of its own mount.
    """

    context: Context | None = None
    cancelled_by_owner = False

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the task, unless the code of another mount asks for it."""
        canceller = current_threads.get()
        # A task that starts eagerly runs before it has its context here.
        owner = (
            self.context.get(current_threads, GATEWAY) if self.context is not None else canceller
        )
        if canceller is not GATEWAY and canceller is not owner:
            return False
        self.cancelled_by_owner = canceller is owner and owner is not GATEWAY
        return super().cancel(msg)


def create_task(
    loop: asyncio.AbstractEventLoop,
    running: Coroutine[Any, Any, Any],
    *,
    context: Context | None = None,
    **options: Any,
) -> MountTask:
    """Create a task, as a task factory of an event loop."""
    if context is None:
        context = copy_context()
    # Not in the constructor: that would be a second Python function for each request.
    task = MountTask(running, loop=loop, context=context, **options)
    task.context = context
    return task
