"""Run the lifespan of a mounted ASGI application, as a server does (ASGI, Lifespan Protocol)."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from types import coroutine
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Scope

T = TypeVar("T")
Watch = Callable[[], AbstractContextManager[object]]
OnEnd = Callable[[BaseException], object]

# A KeyError with one of these names comes from an application that takes the scope for a request.
REQUEST_KEYS = frozenset({"method", "path", "raw_path", "query_string", "headers", "client"})


class LifespanFailed(Exception):
    """The application's startup or shutdown failed, or it ended without an answer."""


class Lifespan:
    """Starts and stops an application, both in one task, as its context managers require.

    Args:
        app: the application.

    Attributes:
        state: the application's lifespan state, for the scopes of its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None

    async def startup(
        self,
        context: Context | None = None,
        watch: Watch = nullcontext,
        on_end: OnEnd = lambda _error: None,
    ) -> None:
        """Start the application; one without lifespan support counts as started.

        Cancelling this also cancels the application's startup.

        Args:
            context: the context of the application's task; by default a copy of the current one.
            watch: wraps each step of the application until its startup is complete; a step is what
                runs between two points where the application waits.
            on_end: called with the exception of an application whose lifespan ends while it serves.

        Raises:
            LifespanFailed: the application sent ``lifespan.startup.failed``, or ended with an
                exception after it had received ``lifespan.startup``.
        """
        self.state.clear()
        self._watch, self._on_end = watch, on_end
        self._error: BaseException | None = None
        self._received = self._takes_requests_only = self._serving = False
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._starting = True
        self._task = asyncio.create_task(self._run(), context=context)
        try:
            reply = await self._ask("lifespan.startup")
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            self._starting = False
        self._check(reply)
        self._serving = reply is not None

    async def shutdown(self) -> None:
        """Stop the application.

        Raises:
            LifespanFailed: the application sent ``lifespan.shutdown.failed``, or ended with an
                exception.
        """
        if self._task is None or self._task.done():
            return
        self._serving = False
        reply = await self._ask("lifespan.shutdown")
        try:
            await self._task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is None or this.cancelling():
                raise
            return  # its start was cancelled, and there is nothing to stop
        self._check(reply)

    async def _ask(self, event: str) -> Message | None:
        """Send an event and return the reply; None if the application has ended without one."""
        await self._to_app.put({"type": event})
        return await self._from_app.get()

    def _check(self, reply: Message | None) -> None:
        if reply is None and self._error is not None and self._supports_lifespan(self._error):
            raise LifespanFailed(repr(self._error)) from self._error
        if reply is not None and reply["type"].endswith(".failed"):
            raise LifespanFailed(reply.get("message", "")) from self._error

    def _supports_lifespan(self, error: BaseException) -> bool:
        """Return whether an application that ended with an error meant to answer the event.

        One without lifespan support raises at once (ASGI: the server must continue), or takes the
        scope for that of a request. SystemExit is no way to say that.
        """
        if not isinstance(error, Exception):
            return True
        if isinstance(error, KeyError) and error.args[:1] and error.args[0] in REQUEST_KEYS:
            return False
        return self._received and not self._takes_requests_only

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await in_steps(self._call(scope), self._watch_start)
        except asyncio.CancelledError as error:
            self._error = error
            raise
        except GeneratorExit:
            raise
        # An application may raise anything, and SystemExit in a task would end the event loop.
        except BaseException as error:
            self._error = error
        finally:
            await self._from_app.put(None)
            if self._serving and self._error is not None:
                self._on_end(self._error)

    def _watch_start(self) -> AbstractContextManager[object]:
        return self._watch() if self._starting else nullcontext()

    async def _call(self, scope: Scope) -> None:
        await self.app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self._received = True
        try:
            return await self._to_app.get()
        except asyncio.CancelledError:
            # A task group of the application cancels the task in which it runs.
            if self._starting or getattr(self._task, "cancelled_by_owner", False):
                raise
            self._serving = False
            # The event loop ends without a word, after a test or a server that runs no lifespan.
            return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if not message["type"].startswith("lifespan."):
            self._takes_requests_only = True
            raise RuntimeError(f"{message['type']} was sent in a lifespan")
        await self._from_app.put(message)


@coroutine
def in_steps(running: Coroutine[Any, Any, T], watch: Watch) -> Generator[Any, None, T]:
    """Run a coroutine, with each of its steps in a context manager."""
    error: BaseException | None = None
    while True:
        try:
            with watch():
                waiting = running.send(None) if error is None else running.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            yield waiting
            error = None
        # Cancellation, and whatever else is thrown into the task, belongs to the coroutine.
        except BaseException as thrown:
            error = thrown
