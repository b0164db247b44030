"""One access line for each request: its content, and what it must not contain."""

import json
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

from framework_gateway.observability import observer
from framework_gateway.observability.access_log import (
    PIPE_BUF,
    AccessLog,
    as_json,
    as_text,
    format_time,
)
from framework_gateway.observability.observed import FinishedRequest
from tests.conftest import FRAMEWORKS
from tests.databases import free_port
from tests.gateways import seen
from tests.servers import serve


def ended(**members: Any) -> FinishedRequest:
    """Return a finished request to Flask."""
    request = FinishedRequest(
        id=b"abc",
        client="127.0.0.1",
        path="/flask/api/users/1",
        kind=("/flask", "GET", "/api/users/{user_id}", 200),
        size=52,
        is_cut_off=False,
        ended=0.0,
        seconds=0.00325,
        waiting=0.0001,
        running=0.003,
    )
    return request._replace(**members)


def test_a_line_can_be_json() -> None:
    assert json.loads(as_json("2026-01-02T03:04:05.678Z", ended())) == {
        "ts": "2026-01-02T03:04:05.678Z",
        "request_id": "abc",
        "client": "127.0.0.1",
        "framework": "flask",
        "method": "GET",
        "path": "/flask/api/users/1",
        "route": "/api/users/{user_id}",
        "status": 200,
        "bytes": 52,
        "cut_off": False,
        "ms": 3.25,
        "queued_ms": 0.1,
        "running_ms": 3.0,
    }
    minimal = json.loads(as_json("", ended(client=None, waiting=None, running=None)))
    assert (minimal["client"], minimal["queued_ms"], minimal["running_ms"]) == (None, None, None)


def test_a_line_can_be_text() -> None:
    assert as_text("2026-01-02T03:04:05.678Z", ended()) == (
        "03:04:05.678 200 GET /flask/api/users/1 3.2 ms (queued 0.1, ran 3.0) 52 B"
        " [flask /api/users/{user_id}] 127.0.0.1 abc\n"
    )


def test_a_line_says_if_the_response_was_cut_off() -> None:
    request = ended(is_cut_off=True)
    assert json.loads(as_json("", request))["cut_off"] is True
    assert as_text("2026-01-02T03:04:05.678Z", request).startswith("03:04:05.678 200 cut off GET ")


def test_times_have_milliseconds() -> None:
    assert format_time(1767323045678) == "2026-01-02T03:04:05.678Z"
    assert format_time(1767323046007) == "2026-01-02T03:04:06.007Z"


@pytest.mark.parametrize("form", [as_json, as_text])
def test_no_request_can_forge_a_line_or_control_the_terminal(form: Any) -> None:
    evil = "/\n200 GET /\r\x1b[2J\x85\u2028\x9b"
    request = ended(path=evil, kind=("/flask", "G\nT", "/api/users/{user_id}", 200))
    line = form("2026-01-02T03:04:05.678Z", request)
    assert line.splitlines() == [line.rstrip("\n")]
    assert line.rstrip("\n").isprintable()
    assert line.isascii()


def test_each_write_holds_whole_lines_and_fits_into_a_pipe() -> None:
    blocks: list[str] = []

    class Pipe:
        def write(self, text: str) -> None:
            blocks.append(text)

        def flush(self) -> None:
            pass

    AccessLog(Pipe(), as_json).write([ended() for _ in range(100)])  # type: ignore[arg-type]
    assert all(len(block) <= PIPE_BUF and block.endswith("\n") for block in blocks)
    assert sum(block.count("\n") for block in blocks) == 100


@pytest.mark.usefixtures("database")
def test_requests_to_each_framework_are_logged() -> None:
    with seen() as gateway:
        for name in FRAMEWORKS:
            path = f"/{name}/api/users/1"
            answer = gateway.client.get(f"{path}?token=sesame", headers={"X-Request-ID": name})
            line = gateway.line(name)
            assert (line["framework"], line["route"]) == (name, "/api/users/{user_id}")
            assert (line["method"], line["path"], line["status"]) == ("GET", path, 200)
            assert line["bytes"] == len(answer.content)
            assert (
                (line["queued_ms"] is None) == (line["running_ms"] is None) == (name == "fastapi")
            )
        assert "sesame" not in gateway.stream.getvalue()


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("HEAD", "/fastapi/api/hello", "/api/hello"),
        ("GET", "/fastapi/api/hello/", "/api/hello"),
        ("GET", "/django/admin/login/", "/admin/login/"),
        ("GET", "/flask/nothing", ""),
        ("GET", "/fastapi/nothing", ""),
        ("GET", "/django/nothing", ""),
    ],
)
@pytest.mark.usefixtures("database")
def test_a_line_contains_the_route_template(method: str, path: str, route: str) -> None:
    with seen() as gateway:
        gateway.client.request(method, path, headers={"X-Request-ID": "a"})
        line = gateway.line("a")
    assert (line["method"], line["path"], line["route"]) == (method, path, route)


def test_requests_outside_the_mounts_are_logged_for_the_gateway() -> None:
    with seen({}) as gateway:
        for path, route, status in (("/health/live",) * 2 + (200,), ("/nothing", "", 404)):
            gateway.client.get(path, headers={"X-Request-ID": str(status)})
            line = gateway.line(str(status))
            assert (line["framework"], line["route"], line["status"]) == ("gateway", route, status)


def test_a_client_that_left_before_the_response_is_logged_as_499() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        """Send nothing, as an application does once it knows that its client has left."""

    with seen({"/silent": silent}) as gateway:
        gateway.client.get("/silent/", headers={"X-Request-ID": "a"})
        assert gateway.line("a")["status"] == 499


def test_a_websocket_is_logged_when_it_ends() -> None:
    app = FastAPI()

    @app.websocket("/chat/{room}")
    async def chat(socket: WebSocket, room: str) -> None:
        if room == "closed":
            return await socket.close()
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    with seen({"/ws": app}) as gateway:
        headers = {"X-Request-ID": "open"}
        with gateway.client.websocket_connect(
            "ws://127.0.0.1/ws/chat/open", headers=headers
        ) as socket:
            assert socket.receive_text() == "hello"
        line = gateway.line("open")
        assert (line["status"], line["bytes"], line["route"]) == (101, 5, "/chat/{room}")
        with (
            pytest.raises(WebSocketDisconnect),
            gateway.client.websocket_connect(
                "ws://127.0.0.1/ws/chat/closed", headers={"X-Request-ID": "shut"}
            ),
        ):
            pass
        assert gateway.line("shut")["status"] == 403


@pytest.mark.usefixtures("migrated")
def test_no_access_line_is_lost_at_a_stop() -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/health/live") as server:
        with httpx.Client(base_url=origin) as client:
            for number in range(50):
                client.get("/flask/api/hello?token=sesame", headers={"X-Request-ID": f"n{number}-"})
        server.terminate()
        server.wait(20)
        written = server.output
    assert [written.count(f" n{number}-\n") for number in range(50)] == [1] * 50
    assert "sesame" not in written


def test_lines_are_batched_and_written_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "TICK_INTERVAL", 60)

    def count() -> int:
        return gateway.stream.getvalue().count("\n")

    with seen({}) as gateway:
        for _ in range(observer.BATCH_SIZE):
            assert count() == 0
            gateway.client.get("/health/live")
        assert count() == observer.BATCH_SIZE
        gateway.client.get("/health/live")
    assert count() == observer.BATCH_SIZE + 1
    # A late request gets a write of its own.
    gateway.client.get("/health/live")
    assert count() == observer.BATCH_SIZE + 2


def test_an_application_that_raises_is_logged_as_500() -> None:
    async def raising(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise RuntimeError

    with seen({"/raising": raising}) as gateway:
        gateway.client.get("/raising/", headers={"X-Request-ID": "a"})
        assert gateway.line("a")["status"] == 500
