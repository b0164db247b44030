"""A response that does not begin in time is a 504, whatever the application does."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from contract.request_id import request_id
from framework_gateway.observability.metrics import Metrics
from framework_gateway.observability.observer import Observer
from framework_gateway.security.headers import SecurityHeaders
from tests.gateways import refuse
from tests.wsgi.clients import Answer, head, read_answer
from tests.wsgi.responses import Environ, StartResponse
from tests.wsgi.server import PATIENCE, Served, serve, wait_until

TIMEOUT = 0.5

released = threading.Event()
heard: list[str] = []
app = FastAPI()


@app.get("/hanging")
async def hang() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        heard.append("cancelled")
        raise


@app.get("/deaf")
async def swallow() -> str:
    for _ in range(2):
        try:
            async with asyncio.timeout(PATIENCE):
                while not released.is_set():
                    await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            heard.append("swallowed")
    return "too late"


async def answer_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer only when the client has been reported as gone."""
    if scope["type"] == "http":
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"too late"})
            heard.append("sent")


@app.get("/raising")
async def raise_something_else() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise RuntimeError("instead") from None


@app.get("/thread")
def wait_in_a_thread() -> None:
    released.wait(PATIENCE)


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> Any:
        yield b"begun, "
        await asyncio.sleep(3 * TIMEOUT)
        yield b"ended"

    return StreamingResponse(chunks())


@app.post("/upload")
async def upload(request: Request) -> int:
    return len(await request.body())


def wsgi(_environ: Environ, start_response: StartResponse) -> list[bytes]:
    released.wait(PATIENCE)
    start_response("200 OK", [])
    return [b"too late"]


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    options = {
        "request_id": request_id,
        "security": SecurityHeaders(),
        "metrics": Metrics([]),
        "refuse": refuse,
    }
    middleware = [Middleware(Observer, timeout=TIMEOUT, **options)]  # type: ignore[arg-type]
    with serve(
        wsgi, others={"/asgi": app, "/late": answer_late}, middleware=middleware, threads=2
    ) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    released.clear()
    heard.clear()
    yield module_server
    released.set()
    wait_until(module_server.is_idle)


def assert_late(answer: Answer) -> None:
    assert answer.status == 504
    assert answer.complete
    assert answer.header("Content-Type") == "application/problem+json"
    assert f'"request_id":"{answer.header("X-Request-ID")}"'.encode() in answer.body


@pytest.mark.parametrize("path", ["/asgi/hanging", "/asgi/deaf", "/asgi/raising", "/asgi/thread"])
def test_an_asgi_application_times_out(server: Served, path: str) -> None:
    assert_late(server.get(path))


def test_a_wsgi_application_times_out_and_its_thread_is_counted(server: Served) -> None:
    before = server.gauges().abandoned
    assert_late(server.get())
    wait_until(lambda: server.gauges().abandoned == before + 1)
    assert server.gauges().busy == 1
    released.set()
    wait_until(server.is_idle)


def test_the_application_is_cancelled_at_the_timeout(server: Served) -> None:
    assert_late(server.get("/asgi/hanging"))
    wait_until(lambda: heard == ["cancelled"])


def test_a_response_after_the_timeout_is_dropped(server: Served) -> None:
    assert_late(server.get("/late/"))
    wait_until(lambda: heard == ["sent"])


def test_the_connection_serves_the_next_request(server: Served) -> None:
    with server.open("/asgi/deaf") as connection:
        assert_late(read_answer(connection))
        assert heard == ["swallowed"]
        released.set()
        connection.sendall(head("/app/"))
        answer = read_answer(connection)
        assert (answer.status, answer.body) == (200, b"too late")


def test_a_response_that_has_begun_is_not_cut_off(server: Served) -> None:
    answer = server.get("/asgi/stream")
    assert (answer.status, answer.body, answer.complete) == (200, b"begun, ended", True)


def test_each_part_of_a_request_body_restarts_the_timeout(server: Served) -> None:
    with server.open("/asgi/upload", "Content-Length: 8", method="POST") as connection:
        for _ in range(8):
            # Slower in total than the timeout, but never silent for that long.
            threading.Event().wait(TIMEOUT / 4)
            connection.sendall(b"x")
        assert read_answer(connection, "POST").body == b"8"


def test_a_stalled_request_body_times_out(server: Served) -> None:
    with server.open("/asgi/upload", "Content-Length: 8", method="POST") as connection:
        connection.sendall(b"x")
        assert_late(read_answer(connection, "POST"))
