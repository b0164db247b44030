"""Clients that stop reading or read slowly, on real sockets."""

import itertools
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from framework_gateway.server.limits import Limits
from tests.sampling import every
from tests.wsgi.answers import MEGABYTE, answering
from tests.wsgi.clients import head, leave, read_answer, read_to_end
from tests.wsgi.responses import TEXT, Body, Environ, File, StartResponse, hello, sending
from tests.wsgi.server import SOON, Served, serve, wait_until

QUICK = Limits(send_timeout=1)


def stalled(server: Served) -> socket.socket:
    """Send a request without ever reading the response."""
    connection = server.connect(receive_buffer=4096)
    connection.sendall(b"GET /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
    return connection


def whole(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer at once, but not with a list."""
    start_response("200 OK", [*TEXT, ("Content-Length", "5000000")])
    return Body([MEGABYTE * 5])


def test_a_stalled_client_of_a_stream_is_disconnected() -> None:
    body = Body(itertools.repeat(MEGABYTE))
    with serve(threads=1, limits=QUICK) as server:
        server.app = answering(lambda: body)
        with stalled(server) as connection:
            wait_until(lambda: server.gauges().busy == 1)
            assert wait_until(server.is_idle) < 1 + SOON
            assert body.closed == 1
            server.app = hello
            assert server.get().body == b"hello"
            received = read_to_end(connection)
        assert server.gauges().abandoned == 1
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not received.endswith(b"\r\n0\r\n\r\n")


def test_a_slow_client_that_makes_progress_is_not_disconnected() -> None:
    # Longer than the deadline in total, but never without progress for that long.
    body = Body([MEGABYTE[:100_000]] * 20)
    with serve(answering(lambda: body), threads=1, limits=QUICK) as server:
        with stalled(server) as connection:
            received = bytearray()
            clock = threading.Event()
            while not received.endswith(b"\r\n0\r\n\r\n"):
                clock.wait(0.004)  # this only slows the client down
                data = connection.recv(8192)
                assert data
                received += data
        wait_until(server.is_idle)
    assert received.partition(b"\r\n\r\n")[2].count(b"x") == 2_000_000
    assert body.closed == 1


async def asgi_stream(scope: Scope, _receive: Receive, send: Send) -> None:
    """Send more than any buffer holds, piece by piece."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": MEGABYTE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


PIECES = 6
RATE = 1_500_000  # bytes per second: reading all takes four times the allowed stall


def read_slowly(connection: socket.socket) -> int:
    """Read a response slowly to its end; return the number of bytes of the body."""
    clock = threading.Event()
    received = bytearray()
    while data := connection.recv(16384):
        received += data
        clock.wait(len(data) / RATE)  # this only slows the client down
    return received.partition(b"\r\n\r\n")[2].count(b"x")


def test_a_client_that_reads_continuously_is_not_disconnected(tmp_path: Path) -> None:
    """Although the server's own buffer hardly shows progress, because it is refilled at once."""
    large = tmp_path / "large"
    large.write_bytes(MEGABYTE * PIECES)

    async def asgi_file(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await FileResponse(large)(scope, receive, send)

    others = {
        "/wsgi-file": sending(lambda: File(large)),
        "/wsgi-list": answering(lambda: [MEGABYTE] * PIECES),
        "/asgi-stream": asgi_stream,
        "/asgi-file": asgi_file,
    }
    stream = answering(lambda: Body([MEGABYTE] * PIECES))
    with (
        serve(stream, others=others, limits=QUICK) as server,
        ThreadPoolExecutor() as readers,
        ExitStack() as stack,
    ):
        connections = []
        for path in ("/app", *others):
            # With a fixed receive window, however large the system would make it.
            connection = stack.enter_context(server.connect(receive_buffer=64 * 1024))
            connection.sendall(head(f"{path}/", "Connection: close"))
            connections.append(connection)
        received = dict(zip(("/app", *others), readers.map(read_slowly, connections), strict=True))
        wait_until(server.is_idle)
    assert received == dict.fromkeys(("/app", *others), PIECES * len(MEGABYTE))


def test_on_other_systems_progress_is_what_the_socket_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("framework_gateway.server.readers.IS_LINUX", False)
    body = Body(itertools.repeat(MEGABYTE))
    with serve(limits=QUICK) as server:
        server.app = answering(lambda: body)
        with stalled(server) as connection:
            wait_until(lambda: body.closed)
            assert len(read_to_end(connection)) < 100_000_000
        wait_until(server.is_idle)
        server.app = answering(lambda: [MEGABYTE] * PIECES)
        with server.open("/app/", "Connection: close") as connection:
            assert len(read_to_end(connection)) > PIECES * len(MEGABYTE)


def test_an_endless_stream_waits_for_its_client() -> None:
    produced: list[int] = []
    size = 16 * 1024

    def produce() -> Iterator[bytes]:
        for number in itertools.count():
            produced.append(number)
            yield b"y" * size

    with serve(answering(lambda: produce()), threads=1) as server:
        with stalled(server):
            wait_until(lambda: len(produced) > 4)
            # The stream is at rest after three checks without a change.
            looks = [-3, -2, -1]
            clock = threading.Event()
            while len({*looks[-3:]}) > 1:
                clock.wait(0.1)
                looks.append(len(produced))
                assert len(looks) < 200
            # 64 KiB in the bridge, as much in the server, and the system's own send buffer.
            assert len(produced) * size < 16 * 1024 * 1024
            assert server.gauges().busy == 1
        wait_until(server.is_idle)


@pytest.mark.parametrize("kind", ["list", "file", "length"])
def test_stalled_clients_of_complete_responses_occupy_no_thread(kind: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(MEGABYTE * 5)
    closed: list[str] = []
    app = {
        "list": answering(lambda: [MEGABYTE] * 5),
        "file": sending(lambda: File(tmp_path / "large", closed)),
        "length": whole,
    }[kind]
    count = 12
    with serve(threads=4) as server:
        server.app = app
        readers = [stalled(server) for _ in range(count)]
        wait_until(lambda: len(server.server.server_state.tasks) == count)
        wait_until(server.is_idle)
        server.app = hello
        assert server.get().body == b"hello"
        assert closed == []
        # One client reads on, the others leave.
        answer = read_answer(readers[0])
        assert (answer.status, answer.complete) == (200, True)
        assert answer.body == MEGABYTE * 5
        for reader in readers:
            leave(reader)
        wait_until(lambda: not server.server.server_state.tasks)
        wait_until(server.is_idle)
        if kind == "file":
            wait_until(lambda: len(closed) == count)
    assert len(closed) == (count if kind == "file" else 0)


@pytest.mark.parametrize("kind", every(2, ["file", "list"]))
def test_stalled_clients_of_complete_responses_are_finally_disconnected(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(MEGABYTE * 20)

    app = {
        "list": answering(lambda: [MEGABYTE] * 20),
        "file": sending(lambda: File(tmp_path / "large"), ("Content-Length", "20000000")),
    }[kind]
    with serve(app, threads=1, limits=QUICK) as server:
        with stalled(server) as connection:
            wait_until(lambda: server.server.server_state.tasks)
            assert wait_until(lambda: not server.server.server_state.tasks) < 1 + SOON
            assert len(read_to_end(connection)) < 20_000_000
        wait_until(server.is_idle)
