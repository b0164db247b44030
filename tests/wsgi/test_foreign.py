"""Other servers and middleware: a wrong ``receive`` or ``send`` affects only its own request."""

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.sampling import pairs
from tests.wsgi.answers import MEGABYTE
from tests.wsgi.clients import leave, read_answer
from tests.wsgi.responses import TEXT, Environ, File, StartResponse
from tests.wsgi.server import serve, wait_until

BODY: Message = {"type": "http.request", "body": b"body", "more_body": False}
SLOW = 0.6  # seconds: long enough to observe
Odd = Callable[[Receive], Receive]


class WrongReceive:
    """Middleware that replaces the ``receive`` of requests to ``/wrong`` and below."""

    def __init__(self, app: ASGIApp, make: Callable[[Any], Any]) -> None:
        self.app = app
        self.make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/wrong" in scope.get("path", ""):
            receive = self.make(receive)
        await self.app(scope, receive, send)


def always(message: Any) -> Odd:
    """Always return the same message at once, as middleware does that replays a body."""

    async def receive() -> Any:
        return message

    return lambda _receive: receive


def replaying(receive: Receive) -> Receive:
    """Read the real body, and return it at every call."""
    read: list[bytes] = []

    async def replay() -> Message:
        while not read:
            message = await receive()
            read.append(message.get("body", b""))
        return {"type": "http.request", "body": read[0], "more_body": False}

    return replay


def raising_later(receive: Receive) -> Receive:
    """Raise an error instead of reporting that the client has left."""
    calls = itertools.count()

    async def receive_once() -> Message:
        if next(calls):
            raise RuntimeError("no such thing")
        return await receive()

    return receive_once


def raising(_receive: Receive) -> Receive:
    async def receive() -> Message:
        raise RuntimeError("no such thing")

    return receive


RECEIVES: dict[str, tuple[Odd, set[int]]] = {
    "the body again": (always(BODY), {200}),
    "the real body again": (replaying, {200}),
    "nothing more": (always({"type": "http.request"}), {200}),
    "empty pieces without end": (
        always({"type": "http.request", "body": b"", "more_body": True}),
        {400},
    ),
    "pieces without end": (
        always({"type": "http.request", "body": b"x" * 1000, "more_body": True}),
        {400, 413},
    ),
    "None": (always(None), {500}),
    "no type": (always({}), {500}),
    "an exception": (raising, {500}),
    "an exception later": (raising_later, {200}),
}


def slow(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the size of the body, after a while."""
    size = len(environ["wsgi.input"].read())
    if "wrong" in environ["PATH_INFO"]:
        threading.Event().wait(SLOW)
    start_response("200 OK", [*TEXT])
    return [b"%d" % size]


async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then stream; meanwhile Starlette checks whether the client is there."""
    if scope["type"] != "http":
        return
    request = Request(scope, receive)
    size = 0
    async for piece in request.stream():
        size += len(piece)

    async def produce() -> Any:
        await asyncio.sleep(SLOW if "wrong" in scope["path"] else 0)
        yield b"%d" % size

    await StreamingResponse(produce())(scope, receive, send)


@pytest.mark.parametrize("mount", ["/app", "/asgi"])
@pytest.mark.parametrize("name", RECEIVES)
def test_a_wrong_receive_affects_only_its_own_request(name: str, mount: str) -> None:
    make, statuses = RECEIVES[name]
    around = Middleware(WrongReceive, make=make)
    with serve(
        slow, others={"/asgi": streaming}, middleware=[around], max_body_size=10_000
    ) as server:
        wrong = server.open(f"{mount}/wrong", "Content-Length: 4", body=b"body", method="POST")
        for _ in range(20):
            for other in ("/app/", "/asgi/"):
                assert (
                    server.get(other, "Content-Length: 2", body=b"{}", method="POST").body == b"2"
                )
        assert read_answer(wrong).status in statuses
        wrong.close()
        wait_until(server.is_idle)


def dropping(_send: Send) -> Send:
    async def send(_message: Message) -> None:
        """Drop the message at once."""

    return send


def failing(_send: Send) -> Send:
    async def send(_message: Message) -> None:
        raise OSError("gone")

    return send


def failing_later(send: Send) -> Send:
    calls = itertools.count()

    async def send_some(message: Message) -> None:
        if next(calls) > 2:
            raise RuntimeError("no more")
        await send(message)

    return send_some


def never_returning(_send: Send) -> Send:
    async def send(_message: Message) -> None:
        await asyncio.Event().wait()

    return send


class WrongSend(WrongReceive):
    """Middleware that replaces the ``send`` of requests to ``/wrong``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/wrong" in scope.get("path", ""):
            send = self.make(send)
        await self.app(scope, receive, send)


def produces(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer at once, with a stream, or with a file, depending on the path."""
    start_response("200 OK", [*TEXT])
    if "stream" in environ["PATH_INFO"]:
        return iter([MEGABYTE] * 5)
    if "file" in environ["PATH_INFO"]:
        made: Iterable[bytes] = environ["wsgi.file_wrapper"](File(Path(__file__)))
        return made
    return [b"2"]


@pytest.mark.parametrize(
    ("make", "kind"),
    pairs([dropping, failing, failing_later, never_returning], ["list", "stream", "file"]),
)
def test_a_wrong_send_affects_only_its_own_request(make: Callable[[Send], Send], kind: str) -> None:
    around = Middleware(WrongSend, make=make)
    with serve(produces, middleware=[around], threads=2) as server:
        wrong = server.open(f"/app/wrong/{kind}")
        for _ in range(20):
            assert server.get("/app/").body == b"2"
        leave(wrong)
        assert server.get("/app/").body == b"2"
        # Its thread is free again once the client has left, whatever happened to the response.
        wait_until(server.is_idle)


class Reads(BaseHTTPMiddleware):
    """Middleware that reads each body first, as logging middleware does."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        await request.body()
        return await call_next(request)


class Caches:
    """Middleware that collects the whole response before it sends any of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self.app(scope, receive, keep)
        for message in kept:
            await send(message)


STACKS = {
    "none": [],
    "BaseHTTPMiddleware": [Middleware(Reads)],
    "gzip": [Middleware(GZipMiddleware, minimum_size=10)],
    "caching": [Middleware(Caches)],
    "all": [Middleware(GZipMiddleware, minimum_size=10), Middleware(Reads), Middleware(Caches)],
}


@pytest.mark.parametrize("name", STACKS)
def test_common_middleware_works_around_the_bridge(name: str) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        size = len(environ["wsgi.input"].read())
        start_response("200 OK", [*TEXT])
        for _ in range(3):
            threading.Event().wait(SLOW / 3)
            yield b"%d." % size

    with serve(app, others={"/asgi": streaming}, middleware=STACKS[name]) as server:
        body = b"x" * 300_000
        asked = {
            path: server.open(path, f"Content-Length: {len(body)}", body=body, method="POST")
            for path in ("/app/wrong", "/asgi/wrong")
        }
        assert read_answer(asked["/app/wrong"]).body == b"300000." * 3
        assert read_answer(asked["/asgi/wrong"]).body == b"300000"
        for connection in asked.values():
            connection.close()
        # Noticed if the middleware passes it on; otherwise the request runs to its end.
        leave(server.open("/app/wrong"))
        wait_until(server.is_idle)


def test_a_receive_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serve(slow, middleware=[Middleware(WrongReceive, make=raising_later)]) as server:
        assert server.get("/app/wrong").status == 200
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == "GET /app/wrong: receive() failed"
