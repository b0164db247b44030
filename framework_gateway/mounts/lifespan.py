"""Run the lifespan of a mounted ASGI application, as a server does (ASGI, Lifespan Protocol)."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message


class LifespanFailed(Exception):
    """The application reported that its startup or shutdown failed."""


class Lifespan:
    """Starts and stops an application, both in one task, as its context managers require.

    Attributes:
        state: the application's lifespan state, for the scopes of its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the application; one without lifespan support counts as started.

        Raises:
            LifespanFailed: the application sent ``lifespan.startup.failed``.
        """
        self.state.clear()
        self._error: Exception | None = None
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())
        reply = await self._send("lifespan.startup")
        if reply is not None and reply["type"] == "lifespan.startup.failed":
            raise LifespanFailed(reply.get("message", "")) from self._error

    async def shutdown(self) -> None:
        """Stop the application.

        Raises:
            LifespanFailed: the application sent ``lifespan.shutdown.failed``.
        """
        reply = await self._send("lifespan.shutdown")
        if self._task is not None:
            await self._task
        if reply is not None and reply["type"] == "lifespan.shutdown.failed":
            raise LifespanFailed(reply.get("message", "")) from self._error

    async def _send(self, event: str) -> Message | None:
        """Send an event and return the reply; None if the application has ended without one."""
        if self._task is None or self._task.done():
            return None
        await self._to_app.put({"type": event})
        return await self._from_app.get()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self._to_app.get, self._from_app.put)
        except Exception as error:  # an application without lifespan support may raise anything
            self._error = error
        finally:
            await self._from_app.put(None)
