"""Threads of their own for each mount: no mount waits for a thread that another one holds.

``asyncio.to_thread`` and ``loop.run_in_executor(None, ...)`` use the default executor of the event
loop. AnyIO, and with it the ``def`` endpoints and static files of FastAPI and Starlette, uses one
limiter of the event loop. Both are shared by all mounts of a process, unless they are replaced by
those below, which pass each call on to the threads of the mount whose request it belongs to.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import cached_property
from typing import Any, ParamSpec, Self, TypeVar

from anyio._backends._asyncio import CapacityLimiter

P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 40  # AnyIO's own default


class Threads:
    """The threads of one mount, or of the gateway itself.

    Each part is created when it is first used: most WSGI applications use neither.

    Attributes:
        listener: hears which Django settings the application asks for while it serves.
    """

    def __init__(self, name: str, listener: Any = None) -> None:
        self.name = name
        self.listener = listener

    @cached_property
    def executor(self) -> ThreadPoolExecutor:
        """Runs ``asyncio.to_thread``; as many threads as asyncio's own default executor."""
        return ThreadPoolExecutor(thread_name_prefix=f"{self.name}-asyncio")

    @cached_property
    def limiter(self) -> CapacityLimiter:
        """Limits the threads of ``anyio.to_thread.run_sync``."""
        return CapacityLimiter(LIMIT)

    def close(self) -> None:
        """Let the idle threads end; the next use creates new ones."""
        if executor := self.__dict__.pop("executor", None):
            executor.shutdown(wait=False)
        self.__dict__.pop("limiter", None)


GATEWAY = Threads("gateway")  # health checks, metrics: what belongs to no mount

# The threads for what the current task does; tasks and threads that it starts inherit it.
current_threads: ContextVar[Threads] = ContextVar("current_threads", default=GATEWAY)


class ExecutorOfMount(ThreadPoolExecutor):
    """A default executor that passes each call on to the executor of the current mount."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a call; asyncio does so in the context of the task."""
        return current_threads.get().executor.submit(fn, *args, **kwargs)


class LimiterOfMount(CapacityLimiter):
    """A default limiter that passes each call on to the limiter of the current mount."""

    def __new__(cls) -> Self:
        """Create a limiter without tokens of its own."""
        return object.__new__(cls)

    def __init__(self) -> None:
        """Set no attribute, because that would set one of the current mount's limiter."""

    def __getattribute__(self, name: str) -> Any:
        return getattr(current_threads.get().limiter, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(current_threads.get().limiter, name, value)

    # Python finds these two on the class.

    async def __aenter__(self) -> None:
        await current_threads.get().limiter.acquire()

    async def __aexit__(self, *_: object) -> None:
        current_threads.get().limiter.release()
