"""Upstreams that answer badly: nothing of it reaches a client as another response."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from framework_gateway import Mount
from tests.proxy.servers import OK, Request, gateway, proxied
from tests.wsgi.server import PATIENCE, wait_until

HEAD = b"HTTP/1.1 200 OK\r\n"
MALFORMED = {
    "garbage": b"\x16\x03\x01\x00garbage\r\n\r\n",
    "no version": b"200 OK\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\nok",
    "a length with a sign": HEAD + b"Content-Length: +2\r\n\r\nok",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\nok",
    "a hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\nok",
    "a length beyond 64 bits": HEAD + b"Content-Length: 18446744073709551618\r\n\r\nok",
    "an empty length": HEAD + b"Content-Length:\r\n\r\nok",
    "length and chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks and length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nok\r\n0\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunked twice": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\nok",
    "space before the colon": HEAD + b"Content-Length : 2\r\n\r\nok",
    "obs-fold": HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "obs-fold of a length": HEAD + b"Content-Length:\r\n 2\r\n\r\nok",
    "a line that begins with a space": HEAD + b" X: a\r\nContent-Length: 2\r\n\r\nok",
    "NUL in a value": HEAD + b"X: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    "NUL in a name": HEAD + b"X\x00: a\r\nContent-Length: 2\r\n\r\nok",
    "CR in a value": HEAD + b"X: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "LF alone": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "a line without a colon": HEAD + b"nonsense\r\nContent-Length: 2\r\n\r\nok",
    "a header without a name": HEAD + b": a\r\nContent-Length: 2\r\n\r\nok",
    "status 99": b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 No\r\nContent-Length: 0\r\n\r\n",
    "an upgrade that nobody asked for": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n"
    b"Connection: upgrade\r\n\r\n",
    "101 without an upgrade": b"HTTP/1.1 101 Switching\r\n\r\n",
}
BAD_CHUNKS = {
    "no hexadecimal size": b"g\r\nok\r\n0\r\n\r\n",
    "a negative size": b"-2\r\nok\r\n0\r\n\r\n",
    "a size with a sign": b"+2\r\nok\r\n0\r\n\r\n",
    "a size with 0x": b"0x2\r\nok\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000002\r\nok\r\n0\r\n\r\n",
    "LF alone": b"2\nok\n0\n\n",
    "a space after the size": b"2 \r\nok\r\n0\r\n\r\n",
    "no end of a chunk": b"2\r\nok0\r\n\r\n",
    "more than the size": b"2\r\nokXX\r\n0\r\n\r\n",
    "a trailer without a colon": b"2\r\nok\r\n0\r\nnonsense\r\n\r\n",
}
MALFORMED_STATUS = "framework-gateway; error=http_protocol_error"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def in_pieces(data: bytes, size: int) -> list[bytes]:
    cuts = [*range(0, len(data), size), len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize("size", [1_000_000, 1])
def test_a_malformed_head_is_answered_with_502(size: int) -> None:
    answers = iter(MALFORMED.values())

    def answer(connection: socket.socket, _request: Request) -> bytes:
        *pieces, last = in_pieces(next(answers), size)
        for piece in pieces:
            connection.sendall(piece)
        return last

    with proxied(answer) as (running, server):
        for name in MALFORMED:
            found = running.get("/old/")
            assert found.status == 502, name
            assert found.header("Proxy-Status") == MALFORMED_STATUS, name
            assert found.header("Content-Type") == "application/problem+json"
        assert len(server.requests) == len(MALFORMED)
        wait_until(running.is_idle)


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_malformed_chunk_cuts_the_response_off(name: str) -> None:
    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(CHUNKED)
        return BAD_CHUNKS[name]

    with proxied(answer) as (running, server):
        found = running.get("/old/")
        # The head may already have been sent.
        assert found.status == 502 or not found.complete
        assert running.get("/old/").status in (200, 502)
        assert server.connections == 2


def test_a_body_that_is_too_short_is_cut_off() -> None:
    short = HEAD + b"Content-Length: 10\r\n\r\nshort"

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(short)

    with proxied(answer) as (running, _server):
        found = running.get("/old/")
        assert (found.status, found.body, found.complete) == (200, b"short", False)
        wait_until(running.is_idle)


def test_chunks_without_an_end_are_cut_off() -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(CHUNKED + b"5\r\nshort\r\n")

    with proxied(answer) as (running, _server):
        found = running.get("/old/")
        assert (found.status, found.body, found.complete) == (200, b"short", False)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    with proxied(answer) as (running, server):
        for _ in range(2):
            found = running.get("/old/")
            assert (found.status, found.body, found.complete) == (200, b"all of it", True)
        assert server.connections == 2


EXTRA = {
    "two answers": OK + HEAD + b"Content-Length: 6\r\n\r\nstolen",
    "a body that is too long": OK + b"stolen",
    "more than chunks": CHUNKED + b"2\r\nok\r\n0\r\n\r\nstolen",
}


@pytest.mark.parametrize("name", EXTRA)
def test_what_follows_an_answer_is_no_answer(name: str) -> None:
    with proxied(EXTRA[name]) as (running, server):
        for number in range(1, 4):
            assert running.get("/old/").body == b"ok"
            assert server.connections == number  # nothing is read from it any more
        wait_until(lambda: server.closed == 3)


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", HEAD + b"Content-Length: 6\r\n\r\nstolen"),
        ("HEAD", CHUNKED + b"6\r\nstolen\r\n0\r\n\r\n"),
        ("HEAD", HEAD + b"\r\nstolen"),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nstolen"),
        ("GET", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nstolen"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nstolen"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
def test_a_body_where_none_may_be_is_no_answer(method: str, head: bytes) -> None:
    with proxied(head) as (running, server):
        for number in range(1, 4):
            found = running.get("/old/", method=method)
            assert (found.status, found.body) == (int(head.split()[1]), b"")
            assert server.connections == number


def test_an_answer_that_nobody_asked_for_is_no_answer() -> None:
    """A second response that arrives later must not answer the next request."""
    release = threading.Event()

    def answer(connection: socket.socket, request: Request) -> bytes:
        if b"first" in request.head:
            connection.sendall(OK)
            release.wait(PATIENCE)
            return HEAD + b"Content-Length: 6\r\n\r\nstolen"
        return OK

    with proxied(answer) as (running, server):
        assert running.get("/old/first").body == b"ok"
        release.set()
        wait_until(lambda: server.closed)
        assert running.get("/old/second").body == b"ok"


@pytest.mark.parametrize(
    ("endless", "error"),
    [
        (b"X: y\r\n", "http_response_header_section_size"),
        (b"a" * 1000, "http_response_header_section_size"),
    ],
)
def test_an_endless_head_is_refused(endless: bytes, error: str) -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(HEAD + b"X: ")
        while True:
            connection.sendall(endless * 100)

    with proxied(answer) as (running, _server):
        found = running.get("/old/")
        assert found.status == 502
        assert found.header("Proxy-Status") == f"framework-gateway; error={error}"


def test_endless_interim_answers_are_refused() -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    with proxied(answer) as (running, _server):
        assert running.get("/old/").status == 502


@pytest.mark.parametrize(
    ("start", "endless"),
    [(b"", b"1;" + b"x" * 2000 + b"\r\na\r\n"), (b"0\r\n", b"X: y\r\n" * 99)],
)
def test_padding_is_limited(start: bytes, endless: bytes) -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(CHUNKED)
        connection.sendall(start)
        while True:
            connection.sendall(endless)

    with proxied(answer) as (running, _server):
        assert not running.get("/old/").complete
        wait_until(running.is_idle)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "http_response_timeout"),
        (HEAD, "http_response_timeout"),
        (HEAD + b"Content-Length: 9\r\n\r\nslow", ""),
    ],
)
def test_a_slow_answer_times_out(sent: bytes, error: str) -> None:
    with proxied(sent, response_timeout=0.3, read_timeout=0.3) as (running, server):
        found = running.get("/old/")
        if error:
            assert found.status == 504
            assert found.header("Proxy-Status") == f"framework-gateway; error={error}"
        else:
            assert (found.body, found.complete) == (b"slow", False)
        wait_until(lambda: server.closed == 1)


def test_an_upstream_that_does_not_read_the_body_times_out() -> None:
    with deaf() as address, gateway([Mount("/old", address, read_timeout=0.3)]) as running:
        body = bytes(10_000_000)
        found = running.get("/old/", f"Content-Length: {len(body)}", method="POST", body=body)
        assert found.status == 504
        assert found.header("Proxy-Status") == "framework-gateway; error=connection_write_timeout"


@contextmanager
def deaf() -> Iterator[str]:
    """Listen, but read nothing; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
