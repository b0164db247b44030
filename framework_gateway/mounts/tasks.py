"""Tasks of a mount, which the code of another mount cannot cancel."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any

from framework_gateway.mounts.threads import GATEWAY, current_threads


class MountTask(asyncio.Task[Any]):
    """A task that belongs to the mount in its context, or to the gateway.

    Attributes:
        cancelled_by_owner: whether the last to cancel it was the code of its own mount.
    """

    cancelled_by_owner = False

    def __init__(self, running: Any, *, context: Context | None = None, **options: Any) -> None:
        self.context = copy_context() if context is None else context
        super().__init__(running, context=self.context, **options)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the task, unless the code of another mount asks for it."""
        canceller = current_threads.get()
        owner = self.context.get(current_threads, GATEWAY)
        if canceller is not GATEWAY and canceller is not owner:
            return False
        self.cancelled_by_owner = canceller is owner and owner is not GATEWAY
        return super().cancel(msg)


def create_task(
    loop: asyncio.AbstractEventLoop, running: Coroutine[Any, Any, Any], **options: Any
) -> MountTask:
    """Create a task, as a task factory of an event loop."""
    return MountTask(running, loop=loop, **options)
