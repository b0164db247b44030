"""Response heads: byte for byte as uvicorn writes them, except for what the server decides."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest
from starlette.types import Message
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from framework_gateway.server.limits import Limits
from framework_gateway.server.response_heads import (
    DISCARDED,
    DISCONNECT_GRACE,
    SENT,
    header_prefix,
    send,
)
from framework_gateway.wsgi.errors import ClientLeft
from tests.wsgi.clients import head, read_answer
from tests.wsgi.responses import hello
from tests.wsgi.server import serve

# The server decides about the connection; an application may only ask to close it.
OWN = {b"connection", b"transfer-encoding"}
USUAL = [(b"content-length", b"2"), (b"Content-Type", b"text/plain"), (b"x-tab", b"a\tb")]
NAMES_OF_HEADERS = [
    *(b"x-name", b"Content-Length", b"connection", b"Transfer-Encoding"),
    *(b"a b", b"a:", b"a\r\nb", b"\xff"),
]
VALUES = [
    *(b"2", b"", b"close", b"chunked", b"-1", b" 2", b"a\tb", b"\xff"),
    *(b"2\r\nx: y", b"2\n", b"\x00", b"\x7f"),
]


class Transport(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False


def new_cycle(**changed: Any) -> RequestResponseCycle:
    """Return uvicorn's cycle of a request that has just arrived."""
    logger = logging.getLogger("uvicorn.access")
    transport = Transport()
    options: dict[str, Any] = {
        "scope": {"type": "http", "method": "GET", "path": "/", "http_version": "1.1"},
        "transport": transport,
        "flow": FlowControl(transport),
        "logger": logger,
        "access_logger": logger,
        "access_log": False,
        "default_headers": [(b"date", b"now"), (b"server", b"uvicorn")],
        "message_event": asyncio.Event(),
        "expect_100_continue": False,
        "keep_alive": True,
        "on_response": lambda: None,
    }
    return RequestResponseCycle(**{**options, **changed})


def start(headers: Any, status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


Way = Callable[[RequestResponseCycle, Any], Awaitable[None]]
UVICORNS: Way = RequestResponseCycle.send


def outcome(way: Way, message: Message, **changed: Any) -> tuple[Any, ...]:
    """Return what a new cycle writes, its state afterwards, and its exception."""
    cycle = new_cycle(**changed)
    error = ""
    try:
        # Nothing makes the coroutine wait.
        assert list(way(cycle, message).__await__()) == []
    except (RuntimeError, ValueError, KeyError) as raised:
        error = repr(raised)
    state = {
        name: getattr(cycle, name)
        for name in (
            *("response_started", "response_complete", "waiting_for_100_continue"),
            *("expected_content_length", "chunked_encoding", "keep_alive"),
        )
    }
    return written(cycle), state, error


def written(cycle: RequestResponseCycle) -> bytes:
    """Return what a new cycle has written."""
    assert isinstance(cycle.transport, Transport)
    return cycle.transport.written


@pytest.mark.parametrize("name", NAMES_OF_HEADERS, ids=repr)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_head_is_the_same_as_uvicorns(name: bytes, value: bytes) -> None:
    odd = (name, value)
    for headers, status, method in product(
        ([], [odd], [*USUAL, odd], [odd, *USUAL], (*USUAL, odd)), (200, 404, 600), ("GET", "HEAD")
    ):
        scope = {"type": "http", "method": method, "path": "/", "http_version": "1.1"}
        theirs = [
            (name, value)
            for name, value in headers
            if name.lower() not in OWN or (name, value) == (b"connection", b"close")
        ]
        own = outcome(send, start(headers, status), scope=scope)
        expected = outcome(UVICORNS, start(theirs, status), scope=scope)
        if own[2]:
            # A refused start has not begun a response, although uvicorn assumes so.
            assert (own[0], own[1]["response_started"]) == (b"", False)
        else:
            assert own == expected
        assert bool(own[2]) >= bool(expected[2])


@pytest.mark.parametrize(
    "headers",
    [
        *([(b"", b"a")], [(b"content-length", b"+5")], [(b"content-length", b"-5")]),
        *([(b"content-length", b"")], [(b"Content-Length", b"5"), (b"content-length", b"3")]),
    ],
    ids=repr,
)
def test_an_ambiguous_head_is_refused(
    headers: list[tuple[bytes, bytes]],
) -> None:
    written_bytes, state, error = outcome(send, start(headers))
    assert (written_bytes, state["response_started"]) == (b"", False)
    assert error.startswith("RuntimeError")


def test_the_usual_head_is_written_at_once() -> None:
    cycle = new_cycle()
    assert send(cycle, start(USUAL)) is SENT
    assert written(cycle) == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\nserver: uvicorn\r\ncontent-length: 2\r\n"
        b"content-type: text/plain\r\nx-tab: a\tb\r\n\r\n"
    )


@pytest.mark.parametrize(
    "change",
    [{"access_log": True}, {"keep_alive": False}, {"default_headers": [(b"connection", b"close")]}],
    ids=str,
)
def test_unusual_heads_are_left_to_uvicorn(change: dict[str, Any]) -> None:
    own, theirs = (outcome(way, start(USUAL), **change) for way in (send, UVICORNS))
    if own[2]:  # here the query is missing
        own[1]["response_started"] = True
    assert own == theirs
    assert (b"connection: close" in own[0]) == ("access_log" not in change)


@pytest.mark.parametrize("others", [[], [(b"connection", b"close")]], ids=["usual", "uvicorns"])
@pytest.mark.parametrize("name", [b"date", b"Date"])
def test_the_applications_date_replaces_the_servers(
    name: bytes, others: list[tuple[bytes, bytes]]
) -> None:
    headers = [*USUAL, (name, b"then"), (name, b"later"), *others]
    for defaults in ([(b"date", b"now"), (b"server", b"uvicorn")], [(b"server", b"uvicorn")]):
        head, _, _ = outcome(send, start(headers), default_headers=defaults)
        assert [line for line in head.split(b"\r\n") if line.startswith(b"date")] == [
            b"date: later"
        ]


@pytest.mark.parametrize("body", [b"", b"some"])
def test_an_early_response_to_expect_100_continue_ends_the_connection(body: bytes) -> None:
    cycle = new_cycle(expect_100_continue=True)
    cycle.body += body
    assert [*send(cycle, start([(b"content-length", b"0")])).__await__()] == []
    assert (b"connection: close" in written(cycle)) == (not body)


@pytest.mark.parametrize("status", [100, 101, 103, 199])
def test_an_application_cannot_answer_with_an_interim_status(status: int) -> None:
    cycle = new_cycle()
    with pytest.raises(RuntimeError, match=str(status)):
        send(cycle, start(USUAL, status))
    assert written(cycle) == b""


def test_nothing_is_sent_to_a_client_that_has_left() -> None:
    cycle = new_cycle()
    cycle.disconnected = True
    assert send(cycle, start(USUAL)) is DISCARDED
    piece = {"type": "http.response.body", "body": b"some", "more_body": True}
    assert send(cycle, piece) is DISCARDED
    cycle.__dict__["client_left_at"] -= 2 * DISCONNECT_GRACE
    stopped = send(cycle, piece).__await__()
    assert next(stopped) is None  # other tasks run first
    with pytest.raises(ClientLeft):
        next(stopped)
    assert send(cycle, {**piece, "more_body": False}) is DISCARDED
    assert written(cycle) == b""


def test_headers_can_be_an_iterator() -> None:
    head, _, _ = outcome(send, start(iter([*USUAL, (b"connection", b"close")])))
    assert b"content-length: 2\r\n" in head


def test_the_cache_of_header_names_is_limited() -> None:
    most = header_prefix.cache_info().maxsize
    assert most is not None
    for number in range(most + 10):
        cycle = new_cycle()
        assert send(cycle, start([(b"content-length", b"0"), (b"x-%d" % number, b"")])) is SENT
    assert header_prefix.cache_info().currsize == most


def test_long_header_names_are_sent_and_not_cached() -> None:
    header_prefix.cache_clear()
    outcome(send, start(USUAL))
    before = header_prefix.cache_info().currsize
    for name in (b"y" * 65, b"z" * 60_000):
        found, _, _ = outcome(send, start([*USUAL, (name, b"1")]))
        assert name + b": 1\r\n" in found
    assert header_prefix.cache_info().currsize == before


def test_the_running_server_writes_these_heads() -> None:
    header_prefix.cache_clear()
    with serve(hello, limits=Limits()) as server, server.connect() as connection:
        connection.sendall(head("/app/"))
        assert read_answer(connection).status == 200
    assert header_prefix.cache_info().currsize > 0
