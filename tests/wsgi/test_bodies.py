"""Request bodies on real sockets: complete, limited, in bounded memory, and never in a thread."""

import asyncio
import io
import socket
import tempfile
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from framework_gateway.wsgi.bodies import SPOOL_SIZE, receive_body
from tests.databases import free_port
from tests.servers import serve as serve_process
from tests.wsgi.clients import head, leave, read_answer
from tests.wsgi.responses import TEXT, Environ, StartResponse, hello
from tests.wsgi.server import Served, serve, wait_until

LIMIT = 3 * 1024 * 1024
TOO_LARGE = HTTPStatus(413).phrase.encode()  # the phrase depends on the Python version

calls: list[Environ] = []


def sizes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    calls.append(environ)
    body = environ["wsgi.input"]
    start_response("200 OK", [*TEXT])
    kind = b"memory" if isinstance(body, io.BytesIO) else b"disk"
    return [b"%s %d %s" % (environ["CONTENT_LENGTH"].encode(), len(body.read()), kind)]


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    with serve(sizes, others={"/other": hello}, threads=1, max_body_size=LIMIT) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    calls.clear()
    yield module_server
    wait_until(module_server.is_idle)


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


POST = head("/app/", "Transfer-Encoding: chunked", method="POST")


# wsgi.input behaves as any other file


def receive(pieces: list[bytes], limit: int = 2**30) -> tuple[IO[bytes], int | None]:
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request"})

    async def next_message() -> Message:
        return messages.pop(0)

    scope = {"headers": [(b"transfer-encoding", b"chunked")], "http_version": "1.1"}
    return asyncio.run(receive_body(scope, next_message, limit))


def read_all(file: IO[bytes], operations: list[tuple[str, int | None]]) -> list[object]:
    """Read in many ways, then read the rest by iteration."""
    results: list[object] = []
    for name, argument in operations:
        method = getattr(file, name)
        results.append(method() if argument is None else method(argument))
    return [*results, *file]


@settings(derandomize=True, max_examples=150)
@given(
    pieces=st.lists(
        st.lists(st.sampled_from([b"\n", b"a", b"bc\n", b"\r\n", b"x" * 50]), max_size=8).map(
            b"".join
        ),
        max_size=6,
    ),
    operations=st.lists(
        st.tuples(
            st.sampled_from(["read", "readline", "readlines"]),
            st.none() | st.integers(-1, 60),
        ),
        max_size=8,
    ),
    spooled=st.booleans(),
)
def test_the_input_reads_like_a_file_of_the_standard_library(
    pieces: list[bytes], operations: list[tuple[str, int | None]], spooled: bool
) -> None:
    if spooled:
        pieces = [*pieces, b"x" * (SPOOL_SIZE + 1)]
    body = b"".join(pieces)
    file, length = receive(pieces)
    # Files disagree about whether readlines() stops at its hint or must exceed it.
    with file, tempfile.TemporaryFile() if spooled else io.BytesIO() as model:
        model.write(body)
        model.seek(0)
        assert isinstance(file, io.BytesIO) != spooled
        assert length == len(body)
        assert read_all(file, operations) == read_all(model, operations)


# Lengths and limits


@pytest.mark.parametrize("pieces", [[], [b"abc"], [b"a", b"bc" * 1000, b"d"], [b"x" * 70_000]])
def test_a_chunked_upload_has_the_right_length(server: Served, pieces: list[bytes]) -> None:
    size = len(b"".join(pieces))
    with server.connect() as connection:
        connection.sendall(POST + chunked(*pieces))
        answer = read_answer(connection)
    assert (answer.status, answer.body) == (200, b"%d %d memory" % (size, size))


@pytest.mark.parametrize(
    ("size", "kind"), [(SPOOL_SIZE, b"memory"), (SPOOL_SIZE + 1, b"disk"), (LIMIT, b"disk")]
)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_long_body_is_spooled_to_disk(
    server: Served, size: int, kind: bytes, framing: str
) -> None:
    body = b"x" * size
    header, sent = (
        (f"Content-Length: {size}", body)
        if framing == "length"
        else ("Transfer-Encoding: chunked", chunked(body))
    )
    answer = server.get("/app/", header, method="POST", body=sent)
    assert (answer.status, answer.body) == (200, b"%d %d %s" % (size, size, kind))
    # Files of both kinds are closed at the end of the request.
    wait_until(lambda: calls[0]["wsgi.input"].closed)


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(
    server: Served,
) -> None:
    with server.open("/app/", f"Content-Length: {LIMIT + 1}", method="POST") as connection:
        answer = read_answer(connection)
    assert (answer.status, answer.body) == (413, TOO_LARGE)
    assert calls == []


def test_a_client_with_expect_100_continue_can_be_refused_without_a_body(
    server: Served,
) -> None:
    headers = (f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")
    with server.open("/app/", *headers, method="POST") as connection:
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_client_with_expect_100_continue_is_told_to_continue(server: Served) -> None:
    headers = ("Content-Length: 3", "Expect: 100-continue")
    with server.open("/app/", *headers, method="POST") as connection:
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert read_answer(connection).body == b"3 3 memory"


def test_a_chunked_body_that_grows_too_long_is_refused(server: Served) -> None:
    piece = b"%x\r\n%s\r\n" % (1024 * 1024, b"x" * 1024 * 1024)
    with server.connect() as connection:
        # The body never ends: the response must come before that.
        connection.sendall(POST + piece * 3 + b"1\r\nx\r\n")
        answer = read_answer(connection)
    assert (answer.status, answer.body) == (413, TOO_LARGE)
    assert calls == []


# Endless bodies


@pytest.mark.parametrize(
    "sent",
    [
        head("/app/", "Content-Length: 10", method="POST") + b"12345",
        head("/app/", f"Content-Length: {LIMIT}", method="POST") + b"x" * (SPOOL_SIZE + 70_000),
        POST,
        POST + b"5\r\n12345\r\n",
        POST + b"5\r\n123",
        POST + b"5\r\n12345\r\n0\r\n",
    ],
    ids=["length", "length, on disk", "nothing", "whole chunk", "half a chunk", "half an end"],
)
@pytest.mark.parametrize("rudely", [False, True])
def test_an_incomplete_body_never_reaches_the_application(
    server: Served, sent: bytes, rudely: bool
) -> None:
    connection = server.connect()
    connection.sendall(sent)
    leave(connection) if rudely else connection.close()
    # A later request on the only thread got a response, so the first would have been served, too.
    wait_until(lambda: not server.server.server_state.tasks)
    assert server.get("/app/", "Content-Length: 1", method="POST", body=b"x").status == 200
    wait_until(lambda: not server.server.server_state.tasks)
    assert [environ["CONTENT_LENGTH"] for environ in calls] == ["1"]


def test_slow_uploads_occupy_no_thread(server: Served) -> None:
    slow = [server.connect() for _ in range(12)]
    for number, connection in enumerate(slow):
        framing = "Content-Length: 7" if number % 2 else "Transfer-Encoding: chunked"
        connection.sendall(head("/app/", framing, method="POST"))
    for piece in (b"a", b"b", b"c"):
        for number, connection in enumerate(slow):
            connection.sendall(piece * 2 if number % 2 else chunked(piece)[:-5])
        assert server.is_idle()
        answer = server.get("/app/", "Content-Length: 1", method="POST", body=b"x")
        assert answer.body == b"1 1 memory"
        wait_until(server.is_idle)
    for number, connection in enumerate(slow):
        connection.sendall(b"d" if number % 2 else b"0\r\n\r\n")
        size = b"7" if number % 2 else b"3"
        assert read_answer(connection).body == b"%s %s memory" % (size, size)
        connection.close()


def test_a_refused_upload_leaves_no_file_behind() -> None:
    with serve(sizes, threads=1, queue_size=0, max_body_size=LIMIT) as server:
        middleware = server.mounts["/app"].app
        middleware._stopping = True  # type: ignore[attr-defined]  # as during a stop
        answer = server.get("/app/", f"Content-Length: {LIMIT}", method="POST", body=b"x" * LIMIT)
    # A file that is not closed raises a ResourceWarning, which is an error here.
    assert (answer.status, answer.header("Retry-After")) == (503, "1")


# Memory


def test_a_body_of_100_megabytes_takes_little_memory(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("This test reads memory from /proc")
    port, size = free_port(), 100_000_000
    origin = f"http://127.0.0.1:{port}"
    command = ("python", "-m", "tests.wsgi.process", port, tmp_path)
    with serve_process(*command, origin=origin, path="/upload/"):
        before = upload(port, 2 * SPOOL_SIZE, b"x" * SPOOL_SIZE)
        after = upload(port, size, b"x" * 1_000_000)
    assert (after - before) < 24 * 1024


def upload(port: int, size: int, piece: bytes) -> int:
    """Upload a body; return the server's peak memory in KiB."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head("/upload/", f"Content-Length: {size}", method="POST"))
        for _ in range(size // len(piece)):
            connection.sendall(piece)
        received, memory = read_answer(connection).body.split()
    assert int(received) == size
    return int(memory)
