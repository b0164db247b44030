"""Limits of a mount, the same for WSGI and ASGI: concurrent requests, and the size of a body."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from framework_gateway import Mount, Mounts
from framework_gateway.wsgi import stuck
from tests.wsgi.clients import leave, read_answer
from tests.wsgi.responses import Environ, StartResponse, hello
from tests.wsgi.server import serve, wait_until

LIMIT = 1000


class Held:
    """An ASGI application that holds every request until the test releases it."""

    def __init__(self) -> None:
        self.release = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.to_thread(self.release.wait)
            await Response("done")(scope, receive, send)
        elif scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await websocket.accept()
            await websocket.receive_text()
            await websocket.close()

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.release.wait()
        return hello(environ, start_response)


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_requests_beyond_the_limit_get_503(kind: str) -> None:
    held = Held()
    app: Any = held if kind == "asgi" else held.wsgi
    with serve(hello, others={"/held": app}, max_requests=3, threads=2, queue_size=10) as server:
        waiting = [server.open("/held/") for _ in range(3)]
        wait_until(lambda: server.mounts["/held"].open == 3)
        shed = server.get("/held/")
        assert (shed.status, shed.header("Retry-After")) == (503, "1")
        assert server.mounts["/held"].shed == 1
        assert server.get("/app/").status == 200
        held.release.set()
        assert [read_answer(connection).status for connection in waiting] == [200, 200, 200]
        wait_until(lambda: server.mounts["/held"].open == 0)
        assert server.get("/held/").status == 200
        for connection in waiting:
            connection.close()


def test_a_websocket_counts_as_a_request() -> None:
    app = Mounts(Response("nothing"), [Mount("/live", Held(), max_requests=1)])
    client = TestClient(app)
    with client.websocket_connect("/live") as first:
        with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/live"):
            pass
        assert caught.value.code == 1013
        first.send_text("enough")
    with client.websocket_connect("/live") as second:
        second.send_text("enough")


# The size of a body


async def count(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body as Starlette reads it."""
    body = await Request(scope, receive).body()
    await Response(f"{len(body)}")(scope, receive, send)


async def answer_despite_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer even if the body cannot be read."""
    try:
        await count(scope, receive, send)
    except ClientDisconnect:
        await Response("what a pity", 400)(scope, receive, send)


async def answer_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer before the body has arrived."""
    await Response("first")(scope, receive, send)
    while (await receive()).get("more_body"):
        pass


def ask(app: Any, size: int, *, declared: bool, method: str = "POST") -> tuple[int, str]:
    """Send a body with a Content-Length or in chunks."""

    def chunks() -> Iterator[bytes]:
        for position in range(0, size, 100):
            yield b"x" * min(100, size - position)

    client = TestClient(Mounts(Response("nothing"), [Mount("/app", app, max_body_size=LIMIT)]))
    response = client.request(method, "/app", content=b"x" * size if declared else chunks())
    return response.status_code, response.text


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("app", [count, answer_despite_disconnect])
def test_a_body_over_the_limit_gets_413(app: Any, declared: bool, method: str) -> None:
    assert ask(app, LIMIT, declared=declared, method=method) == (200, f"{LIMIT}")
    assert ask(app, LIMIT + 1, declared=declared, method=method)[0] == 413


def test_a_response_before_the_body_is_kept() -> None:
    assert ask(answer_first, 2 * LIMIT, declared=False) == (200, "first")


def test_other_errors_are_raised() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(broken, 10, declared=False)


# Stuck threads


def test_a_stuck_thread_is_reported_with_its_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def never_ready(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        release.wait()
        return hello(environ, start_response)

    monkeypatch.setattr(stuck, "STUCK_AFTER", 0.1)
    with caplog.at_level(logging.WARNING, "bridge"), serve(never_ready, threads=2) as server:
        connection = server.open("/app/a")
        wait_until(lambda: server.gauges().busy == 1)
        leave(connection)
        wait_until(lambda: server.gauges().stuck == 1)
        assert len(caplog.messages) == 1
        assert "stuck in GET /app/a" in caplog.messages[0]
        assert "in never_ready" in caplog.messages[0]
        release.set()
        wait_until(lambda: server.gauges().stuck == 0)
        assert caplog.messages[1:] == ["The thread of GET /app/a has returned"]
