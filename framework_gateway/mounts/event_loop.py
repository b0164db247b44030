"""Prepare an event loop for several mounts: threads and tasks of one are not those of another."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakSet

# Private, because AnyIO has no public way to set the default limiter.
from anyio._backends._asyncio import _default_thread_limiter

from framework_gateway.mounts.tasks import create_task
from framework_gateway.mounts.threads import (
    GATEWAY,
    ExecutorOfMount,
    LimiterOfMount,
    current_threads,
)

_prepared: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


def prepare_event_loop() -> None:
    """Give the mounts executors, limiters and tasks of their own in the running loop, once."""
    loop: Any = asyncio.get_running_loop()
    if loop in _prepared:
        return
    _prepared.add(loop)
    loop.set_default_executor(ExecutorOfMount())
    _default_thread_limiter.set(LimiterOfMount())
    shut_down_all = loop.shutdown_default_executor

    def set_executor(executor: ThreadPoolExecutor) -> None:
        """Set the default executor of the current mount alone."""
        current_threads.get().executor = executor

    async def shut_down(*args: Any) -> None:
        """Shut the default executor of the current mount down; at the end of the loop, all."""
        threads = current_threads.get()
        if threads is GATEWAY:
            await shut_down_all(*args)
        else:
            threads.executor.shutdown(wait=False)

    loop.set_default_executor = set_executor
    loop.shutdown_default_executor = shut_down
    if loop.get_task_factory() is None:
        loop.set_task_factory(create_task)
