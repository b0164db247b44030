"""Clients that leave during a response: the server reads no further, and logs it."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from contract.request_id import request_id
from framework_gateway.observability.access_log import AccessLog, as_json
from framework_gateway.observability.metrics import Metrics
from framework_gateway.observability.observer import Observer
from framework_gateway.security.headers import SecurityHeaders
from tests.gateways import refuse
from tests.wsgi.clients import leave
from tests.wsgi.responses import TEXT, Body, Environ, File, StartResponse
from tests.wsgi.server import SOON, Served, serve, wait_until

SIZE = 2 * 1024**3
TAKEN = 300_000  # bytes that the client reads before it disconnects
PIECE = 64 * 1024
# What the client has read, and what the buffers of both sides can hold.
MOST = 64 * 1024**2


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A sparse file of 2 GiB."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


@contextmanager
def observed(log: io.StringIO, **options: Any) -> Iterator[Served]:
    """Run a server that wraps its applications in the gateway's Observer."""
    observer = partial(
        Observer,
        request_id=request_id,
        security=SecurityHeaders(),
        metrics=Metrics([]),
        refuse=refuse,
        timeout=60,
        access_log=AccessLog(log, as_json),
    )
    with serve(outermost=observer, **options) as served:
        yield served


class CountingFile(File):
    """A file that counts the bytes read from it."""

    def __init__(self, path: Path, closed: list[str]) -> None:
        super().__init__(path, closed)
        self.count = 0
        self.read = self.read_and_count

    def read_and_count(self, size: int | None = -1) -> bytes:
        data = self.file.read(size)
        self.count += len(data)
        return data


def leave_in_the_middle(server: Served, path: str) -> None:
    with server.open(path) as connection:
        received = 0
        while received < TAKEN:
            received += len(connection.recv(65536))
        leave(connection)


def line_of(log: io.StringIO) -> dict[str, Any]:
    """Return the only access line, as soon as it is written."""
    wait_until(log.getvalue, SOON)
    [line] = log.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def check_line(log: io.StringIO) -> None:
    line = line_of(log)
    assert (line["status"], line["cut_off"]) == (200, True)
    assert TAKEN / 2 < line["bytes"] < MOST


@pytest.mark.parametrize("wrapped", [True, False], ids=["file_wrapper", "iterator"])
def test_a_wsgi_file_is_not_read_any_further(large: Path, wrapped: bool) -> None:
    files: list[CountingFile] = []
    closed: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT, ("Content-Length", str(SIZE))])
        file = CountingFile(large, closed)
        files.append(file)
        if wrapped:
            made: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
            return made
        body = Body(iter(lambda: file.read(PIECE), b""))
        body.close = file.close  # type: ignore[method-assign]
        return body

    log = io.StringIO()
    with observed(log, app=app) as server:
        leave_in_the_middle(server, "/app/")
        wait_until(server.is_idle, SOON)
        wait_until(lambda: closed, SOON)
        check_line(log)
        assert files[0].count < MOST
    assert len(closed) == 1


async def sends_a_file(scope: Scope, _receive: Receive, send: Send, large: Path) -> None:
    """Send without checking whether the client is there, as many applications do."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    with large.open("rb") as file:
        while data := file.read(PIECE):
            await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def sends_a_response(scope: Scope, receive: Receive, send: Send, large: Path) -> None:
    await FileResponse(large)(scope, receive, send)


async def sends_a_stream(scope: Scope, receive: Receive, send: Send, large: Path) -> None:
    async def produce() -> AsyncGenerator[bytes]:
        with large.open("rb") as file:
            while data := file.read(PIECE):
                yield data

    # Otherwise the garbage collector closes the file.
    async with aclosing(produce()) as pieces:
        await StreamingResponse(pieces)(scope, receive, send)


@pytest.mark.parametrize("answer", [sends_a_file, sends_a_response, sends_a_stream])
def test_an_asgi_application_is_stopped_when_its_client_leaves(
    large: Path, answer: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, send, large)

    log = io.StringIO()
    with observed(log, others={"/asgi": app}) as server:
        leave_in_the_middle(server, "/asgi/")
        wait_until(lambda: not server.server.server_state.tasks, SOON)
        check_line(log)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_application_that_does_not_stop_does_not_delay_others() -> None:
    stop = threading.Event()

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not stop.is_set():
            with suppress(OSError):
                await send({"type": "http.response.body", "body": b"x" * 9, "more_body": True})

    with serve(others={"/asgi": app}) as server:
        leave_in_the_middle(server, "/asgi/")
        try:
            for _ in range(20):
                assert server.get().body == b"hello"
        finally:
            stop.set()
        wait_until(lambda: not server.server.server_state.tasks)


def test_an_application_error_is_logged_after_the_client_has_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            while (await receive())["type"] != "http.disconnect":
                pass
            raise LookupError("a bug of the application")

    log = io.StringIO()
    with observed(log, others={"/asgi": app}) as server:
        leave(server.open("/asgi/"))
        wait_until(log.getvalue)
    assert "a bug of the application" in caplog.text


def test_a_response_is_cut_off_if_the_application_fails_during_it() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
            raise LookupError

    log = io.StringIO()
    with observed(log, others={"/asgi": app}) as server:
        assert not server.get("/asgi/").complete
        line = line_of(log)
    assert (line["status"], line["cut_off"], line["bytes"]) == (200, True, 4)


def test_a_client_that_leaves_before_the_response_is_a_499() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        entered.set()
        assert go_on.wait(20)
        start_response("200 OK", [*TEXT])
        return [b"late"]

    log = io.StringIO()
    with observed(log, app=app) as server:
        connection = server.open()
        assert entered.wait(20)
        leave(connection)
        line = line_of(log)
        go_on.set()
    assert (line["status"], line["cut_off"], line["bytes"]) == (499, False, 0)


def test_a_stop_closes_a_file_even_if_all_threads_are_stuck(
    large: Path,
) -> None:
    closed: list[str] = []
    stuck, go_on = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/stuck":
            stuck.set()
            go_on.wait()
            start_response("200 OK", [*TEXT])
            return []
        start_response("200 OK", [*TEXT])
        made: Iterable[bytes] = environ["wsgi.file_wrapper"](File(large, closed))
        return made

    with serve(app, threads=1, grace=0) as server:
        reader = server.open("/app/")
        assert reader.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: server.gauges().busy == 0)
        other = server.open("/app/stuck")
        assert stuck.wait(20)
        server.server.should_exit = True
        wait_until(lambda: closed)
        leave(reader)
        leave(other)
        go_on.set()
    assert len(closed) == 1


def test_log_records_of_timers_have_the_ids_of_their_requests(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first request starts the sweep, which then also logs about other requests."""
    monkeypatch.setattr("framework_gateway.wsgi.stuck.STUCK_AFTER", 0.1)
    seen: dict[str, str] = {}

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen[record.getMessage()] = request_id.get()

    go_on = threading.Event()
    entered: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        entered.append(environ["PATH_INFO"])
        assert go_on.wait(20)
        start_response("200 OK", [*TEXT])
        return [b""]

    note = Note()
    logging.getLogger("framework_gateway").addHandler(note)
    try:
        with observed(io.StringIO(), app=app) as server:
            first = server.open("/app/first", "X-Request-ID: first")
            wait_until(lambda: "/first" in entered)
            second = server.open("/app/second", "X-Request-ID: second")
            wait_until(lambda: "/second" in entered)
            leave(second)
            wait_until(lambda: any("is stuck in" in message for message in seen))
            go_on.set()
            wait_until(lambda: any("has returned" in message for message in seen))
            first.close()
    finally:
        logging.getLogger("framework_gateway").removeHandler(note)
    assert [*seen.values()] == ["second", "second"]


def test_a_pipelined_request_does_not_inherit_the_previous_context() -> None:
    from contextvars import ContextVar

    variable: ContextVar[str] = ContextVar("variable", default="unset")
    found: list[str] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found.append(variable.get())
            variable.set("set")
            await asyncio.sleep(0.05)
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"0")],
                }
            )
            await send({"type": "http.response.body", "body": b""})

    with serve(others={"/asgi": app}) as server, server.connect() as connection:
        connection.sendall(b"GET /asgi/ HTTP/1.1\r\nHost: test\r\n\r\n" * 2)
        wait_until(lambda: len(found) == 2)
    assert found == ["unset", "unset"]
