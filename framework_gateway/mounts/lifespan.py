"""The lifespan of one mounted ASGI application, as a server would run it (ASGI, Lifespan)."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message


class LifespanFailed(Exception):
    """The application said that it cannot start."""


class Lifespan:
    """Starts an application and stops it again; both in one task, as context managers need it.

    Attributes:
        state: what the application put into its lifespan state, for the scopes of its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the application; one that knows no lifespan is taken as started.

        Raises:
            LifespanFailed: it answered ``lifespan.startup.failed``.
        """
        self.state.clear()
        self._error: Exception | None = None
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise LifespanFailed(answer.get("message", "")) from self._error

    async def shutdown(self) -> None:
        """Stop the application.

        Raises:
            LifespanFailed: it answered ``lifespan.shutdown.failed``.
        """
        answer = await self._ask("lifespan.shutdown")
        if self._task is not None:
            await self._task
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            raise LifespanFailed(answer.get("message", "")) from self._error

    async def _ask(self, question: str) -> Message | None:
        """Put a message to the application; None when it has ended without an answer."""
        if self._task is None or self._task.done():
            return None
        await self._to_app.put({"type": question})
        return await self._from_app.get()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self._to_app.get, self._from_app.put)
        except Exception as error:  # whatever an application raises that knows no lifespan
            self._error = error
        finally:
            await self._from_app.put(None)
