"""Slow clients, masses of connections, and WebSockets of other sites."""

import base64
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.attack.client import HELLO, Target, request
from tests.attack.conftest import MAX_CONNECTIONS
from tests.conftest import FRAMEWORKS
from tests.wsgi.clients import Answer, leave, read_to_end
from tests.wsgi.server import wait_until

LIVE = "GET /fastapi/api/users/live HTTP/1.1"


@pytest.fixture
def open_files() -> Iterator[None]:
    """Let the process open as many files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


GIVEN_UP = {
    b"": [],
    b"\r\n": [408],
    b"GET": [408],
    b"GET /flask/api/hello HTTP/1.1\r\nHost: 127.0.0.1\r\n": [408],
    request("POST /flask/api/users HTTP/1.1", "Content-Length: 9", body=b"{"): [408],
    request("POST /fastapi/api/users HTTP/1.1", "Content-Length: 9", body=b"{"): [408],
    request("POST /compare/api/users HTTP/1.1", "Content-Length: 9", body=b"{"): [408],
    request("POST /django/admin/login/ HTTP/1.1", "Content-Length: 9", body=b"a"): [408],
    request("PUT /django/api/users/1 HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\n"): [408],
    # The keep-alive timeout ends this connection.
    request("GET /flask/api/hello HTTP/1.1") + b"GET /flask": [200],
}


@pytest.mark.slow
def test_a_stalled_request_times_out(target: Target) -> None:
    found = target.send_each([*GIVEN_UP])
    statuses = [[answer.status for answer in answers] for answers in found]
    assert dict(zip(GIVEN_UP, statuses, strict=True)) == GIVEN_UP


def test_slow_clients_do_not_delay_others(target: Target) -> None:
    slow = [
        b"GET /flask/api/hello HTTP/1.1\r\nX:",
        request("POST /flask/api/users HTTP/1.1", "Content-Length: 90000", body=b"{"),
        request("POST /fastapi/api/users HTTP/1.1", "Content-Length: 90000", body=b"{"),
        request("POST /django/api/users HTTP/1.1", "Transfer-Encoding: chunked", body=b"9"),
    ]
    with ExitStack() as stack:
        for data in slow * 40:
            stack.enter_context(target.connect()).sendall(data)
        for mount in FRAMEWORKS:
            assert target.ask(f"GET /{mount}/api/hello HTTP/1.1").body == HELLO


def test_clients_that_do_not_read_do_not_delay_others(target: Target) -> None:
    line = "GET /fastapi/static-offline-docs/swagger-ui-bundle.js HTTP/1.1"
    with ExitStack() as stack:
        stalled = []
        for _ in range(40):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(20)
            connection.connect(("127.0.0.1", target.port))
            stalled.append(stack.enter_context(connection))
            connection.sendall(10 * request(line))
        for mount in FRAMEWORKS:
            assert target.ask(f"GET /{mount}/api/hello HTTP/1.1").body == HELLO


@pytest.mark.slow
@pytest.mark.usefixtures("open_files")
def test_connections_above_the_limit_get_503(target: Target) -> None:
    """All connections up to the limit are served, and a closed one makes room for another."""
    events = request("GET /fastapi/api/users/events HTTP/1.1")

    def ask(mount: str) -> Answer:
        [answer] = target.send(request(f"GET /{mount}/api/hello HTTP/1.1", "Connection: close"))
        return answer

    with ExitStack() as stack:
        for place in reversed(range(MAX_CONNECTIONS)):
            if place == 0:
                # The server may notice a closed connection a moment later.
                wait_until(lambda: {ask(mount).body for mount in FRAMEWORKS} == {HELLO})
            connection = stack.enter_context(target.connect())
            connection.sendall(events)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert ask("flask").status == 503
    wait_until(lambda: ask("flask").body == HELLO)


def test_clients_that_leave_early_cause_no_failure(target: Target) -> None:
    parts = [
        *(b"", b"GET", request("POST /flask/api/users HTTP/1.1", "Content-Length: 9", body=b"{")),
        *(request(f"GET /{mount}/api/wait?ms=200 HTTP/1.1") for mount in FRAMEWORKS),
        request("GET /fastapi/api/users/events HTTP/1.1"),
        request("GET /fastapi/api/users/export HTTP/1.1"),
        request(LIVE, *handshake()),
    ]
    for data in parts * 20:
        connection = target.connect()
        connection.sendall(data)
        leave(connection)


def handshake(**headers: str) -> list[str]:
    """Return the headers of a handshake (RFC 6455); ``headers`` override them."""
    own = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    values = {**own, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return [f"{name}: {value}" for name, value in values.items() if value]


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "https://evil.example", "null", "http://127.0.0.1.evil.example"),
        *("http://127.0.0.1:1", "http://evil.example@127.0.0.1", "127.0.0.1", "http://", "file://"),
        *("http://127.0.0.1/", "http://evil.example/127.0.0.1", "x" * 7000),
        *("ftp://127.0.0.1", "ws://127.0.0.1", "chrome-extension://127.0.0.1", "//127.0.0.1"),
        *("http://127.0.0.1:443", "https://127.0.0.1:80", "http://127.0.0.1,http://127.0.0.1"),
    ],
)
def test_a_page_of_another_site_cannot_open_the_websocket(target: Target, origin: str) -> None:
    [answer] = target.send(request(LIVE, *handshake(Origin=origin)))
    assert answer.status == 403


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1", "https://127.0.0.1", "HTTP://127.0.0.1", "http://127.0.0.1:80", ""],
)
def test_own_pages_and_programs_can_open_the_websocket(target: Target, origin: str) -> None:
    with target.connect() as connection:
        connection.sendall(request(LIVE, *handshake(Origin=origin)))
        assert connection.recv(12) == b"HTTP/1.1 101"


@pytest.mark.parametrize("mount", ["flask", "django", "fastapi"])
def test_a_handshake_without_a_websocket_route_is_refused(target: Target, mount: str) -> None:
    for path in (f"/{mount}/api/users", f"/{mount}/nothing", "/", "/compare/api/users"):
        [answer] = target.send(request(f"GET {path} HTTP/1.1", *handshake()))
        assert answer.status in (403, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_WebSocket_Key": ""},
        {"Sec_WebSocket_Key": "x"},
        {"Sec_WebSocket_Version": "99"},
        {"Sec_WebSocket_Version": ""},
        {"Sec_WebSocket_Protocol": "," * 500},
        {"Sec_WebSocket_Extensions": "permessage-deflate; server_max_window_bits=99"},
        {"Sec_WebSocket_Extensions": "x" * 9000},
    ],
)
def test_a_malformed_handshake_causes_no_server_error(
    target: Target, headers: dict[str, str]
) -> None:
    with target.connect() as connection:
        connection.sendall(request(LIVE, *handshake(**headers)))
        status = int(connection.recv(12).split()[1])
        assert status in (101, 400, 426, 431)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x05hello",  # not masked
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # reserved bits, a length of 2^64
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # 2^63 bytes
        b"\x88\x81\x00\x00\x00\x00\x00",  # a close with half a code
        b"\x80\x80\x00\x00\x00\x00",  # a continuation of nothing
        b"\x00" * 1000,
    ],
)
def test_an_invalid_frame_ends_the_connection(target: Target, frame: bytes) -> None:
    with target.connect() as connection:
        connection.sendall(request(LIVE, *handshake()))
        assert connection.recv(12) == b"HTTP/1.1 101"
        connection.sendall(frame)
        assert b"HTTP/1.1" not in read_to_end(connection)
