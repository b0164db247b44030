"""Call applications in this process as a server does, and measure the CPU time."""

import asyncio
import gc
from collections.abc import Awaitable
from time import process_time
from typing import Any, Self

from starlette.types import ASGIApp, Message, Scope

from framework_gateway.mounts.lifespan import Lifespan
from framework_gateway.server.response_heads import SENT

GREETING = "/api/hello"
CONNECTIONS = 16  # requests at once
ROUND = 10  # requests of each connection between two looks at the clock
WARM_UP = 4  # rounds
HEADERS = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"layers"), (b"accept", b"*/*")]


class Case:
    """An application with an event loop of its own, where it has been started.

    Args:
        name: how the result calls it.
        app: the application.
        prefix: of the requests to it.
        has_lifespan: whether to run its lifespan.

    Attributes:
        seconds: CPU time of the process for the ``requests`` so far.
    """

    def __init__(self, name: str, app: ASGIApp, prefix: str, has_lifespan: bool) -> None:
        self.name = name
        self.app = app
        self.has_lifespan = has_lifespan
        self.path = prefix + GREETING
        self.seconds = 0.0
        self.requests = 0
        self._runner = asyncio.Runner()
        self._lifespan = Lifespan(app)

    def __enter__(self) -> Self:
        self._runner.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        if self.has_lifespan:
            self._runner.run(self._lifespan.shutdown())
        self._runner.close()

    async def _start(self) -> None:
        if self.has_lifespan:
            await self._lifespan.startup()
        for _ in range(WARM_UP):
            await self._serve_round()

    def measure(self, seconds: float) -> None:
        """Serve requests until so much CPU time has passed."""
        gc.collect()  # what other cases have left; the collection itself stays on
        self._runner.run(self._measure(process_time() + seconds))

    async def _measure(self, end: float) -> None:
        before = process_time()
        while process_time() < end:
            await self._serve_round()
            self.requests += CONNECTIONS * ROUND
        self.seconds += process_time() - before

    async def _serve_round(self) -> None:
        await asyncio.gather(*[self._serve_connection() for _ in range(CONNECTIONS)])

    async def _serve_connection(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ROUND):
            running: Any = self.app(new_scope(self.path), receive, send)
            await loop.create_task(running)  # a task for each request, as in a server


def new_scope(path: str) -> Scope:
    """Return the scope of a GET, as the server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*HEADERS],
        "state": {},
    }


async def receive() -> Message:
    """Return the empty body of a GET."""
    return {"type": "http.request", "body": b"", "more_body": False}


def send(message: Message) -> Awaitable[None]:
    """Discard a message.

    Raises:
        RuntimeError: it starts an error response, whose cost says nothing.
    """
    if message.get("status", 200) != 200:
        raise RuntimeError(f"status {message['status']}")
    return SENT
