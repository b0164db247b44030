"""A Gateway with one WSGI and one ASGI application, for every server.

Both answer the paths ``/echo``, ``/client``, ``/held``, ``/counts`` and ``/endless``. Requests to
``/held`` and the last event of ``/events`` wait until the file of the environment variable
``RELEASE`` exists, so that a test decides when they end.
"""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from framework_gateway import Gateway

PAUSE = 0.01  # seconds between two looks at the file
LONGEST = 30  # seconds; only a failing test waits that long
CHUNK = b"again " * 1000

waiting = {"wsgi": 0, "asgi": 0}
ended = {"wsgi": 0, "asgi": 0}
lock = threading.Lock()


def is_released() -> bool:
    return Path(os.environ["RELEASE"]).exists()


def count(counts: dict[str, int], name: str, change: int) -> None:
    with lock:
        counts[name] += change


# WSGI


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer the path."""
    answer = PATHS.get(environ["PATH_INFO"])
    start_response("200 OK" if answer else "404 Not Found", [("Content-Type", "text/plain")])
    return answer(environ) if answer else [b"nothing here"]


def echo_body(environ: dict[str, Any]) -> Iterable[bytes]:
    return [environ["wsgi.input"].read()]


def show_client(environ: dict[str, Any]) -> Iterable[bytes]:
    return [environ["REMOTE_ADDR"].encode()]


def hold_thread(_environ: dict[str, Any]) -> Iterable[bytes]:
    count(waiting, "wsgi", 1)
    deadline = time.monotonic() + LONGEST
    while not is_released() and time.monotonic() < deadline:
        # This is the slow application: it blocks its thread.
        time.sleep(PAUSE)
    count(waiting, "wsgi", -1)
    return [b"released"]


def show_counts(_environ: dict[str, Any]) -> Iterable[bytes]:
    return [f"{waiting['wsgi']} waiting, {ended['wsgi']} ended".encode()]


def repeat(_environ: dict[str, Any]) -> Iterator[bytes]:
    try:
        for _ in itertools.count():
            yield CHUNK
            # The pace of the stream.
            time.sleep(PAUSE)
    finally:
        count(ended, "wsgi", 1)


PATHS: dict[str, Callable[[dict[str, Any]], Iterable[bytes]]] = {
    "/": lambda _environ: [b"hello"],
    "/echo": echo_body,
    "/client": show_client,
    "/held": hold_thread,
    "/counts": show_counts,
    "/endless": repeat,
}


# ASGI


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def client(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.client.host if request.client else "")


async def release() -> None:
    deadline = time.monotonic() + LONGEST
    while not is_released() and time.monotonic() < deadline:
        await asyncio.sleep(PAUSE)


async def held(_request: Request) -> PlainTextResponse:
    count(waiting, "asgi", 1)
    try:
        await release()
    finally:
        count(waiting, "asgi", -1)
    return PlainTextResponse("released")


async def counts(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{waiting['asgi']} waiting, {ended['asgi']} ended")


async def endless(_request: Request) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield CHUNK
                # The pace of the stream.
                await asyncio.sleep(PAUSE)
        finally:
            count(ended, "asgi", 1)

    return StreamingResponse(chunks(), media_type="text/plain")


async def events(_request: Request) -> StreamingResponse:
    async def messages() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await release()
        yield b"data: last\n\n"

    return StreamingResponse(messages(), media_type="text/event-stream")


class NoContent:
    """Answers 204 with a body, which HTTP does not allow; Starlette would not send it."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b"HTTP/1.1 200 OK\r\n\r\n"})


async def repeat_messages(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol=(websocket.scope["subprotocols"] or [None])[0])
    async for message in websocket.iter_text():
        await websocket.send_text(message)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"started": "yes"}


async def state(request: Request) -> PlainTextResponse:
    return PlainTextResponse(getattr(request.state, "started", "no"))


asgi = Starlette(
    routes=[
        Route("/", hello),
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/client", client),
        Route("/held", held),
        Route("/counts", counts),
        Route("/endless", endless),
        Route("/events", events),
        Route("/no-content", NoContent()),
        Route("/state", state),
        WebSocketRoute("/socket", repeat_messages),
    ],
    lifespan=lifespan,
)

app = Gateway({"/wsgi": wsgi, "/asgi": asgi})
