"""How a response gets from the threads to the event loop, on a real socket."""

import contextvars
import sys
import threading
from collections.abc import Iterable, Iterator
from wsgiref.validate import validator

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.wsgi.exchange import encode_name
from tests.wsgi.answers import echoes
from tests.wsgi.clients import read_answer, read_until
from tests.wsgi.responses import TEXT, Body, Environ, StartResponse
from tests.wsgi.server import Served, serve, wait_until

REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


class RequestId:
    """An ASGI middleware that sets a context variable, as tracing and logging middleware does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            REQUEST_ID.set(dict(scope["headers"]).get(b"x-request-id", b"-").decode())
        await self.app(scope, receive, send)


def test_context_variables_reach_the_application_and_its_close() -> None:
    closed: list[str] = []

    class Tracing(Body):
        def close(self) -> None:
            closed.append(REQUEST_ID.get())

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        return Tracing(REQUEST_ID.get().encode() for _ in range(2))

    with serve(app, middleware=[Middleware(RequestId)], threads=1) as server:
        assert server.get("/app/", "X-Request-Id: one").body == b"oneone"
        assert server.get("/app/", "X-Request-Id: two").body == b"twotwo"
        wait_until(lambda: len(closed) == 2)
    assert closed == ["one", "two"]


@pytest.mark.parametrize("way", ["yield", "write"])
def test_a_chunk_is_sent_as_soon_as_it_is_produced(server: Served, way: str) -> None:
    read = [threading.Event() for _ in range(3)]

    def produce() -> Iterator[bytes]:
        for number, event in enumerate(read):
            yield b"chunk %d" % number
            assert event.wait(20)

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT])
        if way == "yield":
            return produce()
        for chunk in produce():
            write(chunk)
        return []

    server.app = app
    with server.open() as connection:
        received = b""
        for number, event in enumerate(read):
            received += read_until(connection, b"chunk %d" % number)
            event.set()
        received += read_until(connection, b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_head_waits_for_the_first_bytes(server: Served) -> None:
    started, go_on = threading.Event(), threading.Event()

    def app(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [*TEXT])
        yield b""
        started.set()
        assert go_on.wait(20)
        try:
            raise ValueError("just in time")
        except ValueError:
            start_response("502 Bad Gateway", [*TEXT], sys.exc_info())
        yield b"sorry"

    server.app = app
    with server.open() as connection:
        assert started.wait(20)
        go_on.set()
        answer = read_answer(connection)
    assert (answer.status, answer.body) == (502, b"sorry")


def test_one_connection_serves_several_requests(server: Served) -> None:
    server.app = validator(echoes)
    with server.connect() as connection:
        for size in (0, 1, 70_000, 3):
            body = b"y" * size
            head = f"POST /app/ HTTP/1.1\r\nHost: test\r\nContent-Length: {size}\r\n\r\n"
            connection.sendall(head.encode() + body)
            assert read_answer(connection).body == body


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        return [environ["PATH_INFO"].encode()]

    server.app = app
    with server.connect() as connection:
        heads = [f"GET /app/{n} HTTP/1.1\r\nHost: test\r\n\r\n".encode() for n in range(9)]
        connection.sendall(b"".join(heads))
        received = read_until(connection, b"\r\n\r\n/8")
    assert [received.index(b"\r\n\r\n/%d" % n) for n in range(9)] == sorted(
        received.index(b"\r\n\r\n/%d" % n) for n in range(9)
    )


def test_long_header_names_are_not_cached() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("X-" + "a" * 60_000, "1")])
        return [b""]

    with serve(app) as server:
        before = encode_name.cache_info().currsize
        with server.open(body=b"") as connection:
            assert connection.recv(12) == b"HTTP/1.1 200"
    assert encode_name.cache_info().currsize == before
