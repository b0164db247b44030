"""Clients that leave, stall, or ask for what a WSGI mount has not, on real sockets."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.bridge.server import (
    TEXT,
    Body,
    Environ,
    File,
    ListBody,
    Served,
    StartResponse,
    WSGIApp,
    hello,
    leave,
    read_answer,
    read_to_end,
    read_until,
    sending,
    serve,
    wait_until,
)

MEGABYTE = b"x" * 1_000_000
SOON = 5  # seconds; a thread is free within one of the next chunk, and machines can be busy


class Gate:
    """An application whose every request waits in a thread, until it is told to go on."""

    def __init__(self, make: Callable[[], Iterable[bytes]] = lambda: [b"done"]) -> None:
        self.make = make
        self.go_on = threading.Event()
        self.started: list[str] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.started.append(environ["PATH_INFO"])
        assert self.go_on.wait(20)
        start_response("200 OK", [*TEXT])
        return self.make()


def streaming(body: Iterable[bytes]) -> WSGIApp:
    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        return body

    return app


class Stream(Body):
    """An endless answer, a chunk for each permission."""

    def __init__(self) -> None:
        super().__init__(self.produce())
        self.permissions = threading.Semaphore(1)
        self.produced = 0

    def produce(self) -> Iterator[bytes]:
        while True:
            assert self.permissions.acquire(timeout=20)
            self.produced += 1
            yield b"chunk"


# Clients that leave


@pytest.mark.parametrize("goodbye", [socket.socket.close, leave], ids=["close", "reset"])
def test_a_client_that_leaves_while_queued_is_never_served(
    goodbye: Callable[[socket.socket], None],
) -> None:
    app = Gate()
    with serve(app, threads=1) as server:
        first = server.open("/app/first")
        wait_until(lambda: app.started)
        queued = [server.open(f"/app/queued/{number}") for number in range(20)]
        wait_until(lambda: server.gauges().queued == 20)
        for connection in queued:
            goodbye(connection)
        wait_until(lambda: server.gauges().queued == 0)
        app.go_on.set()
        assert read_answer(first).body == b"done"
        first.close()
        assert server.get("/app/last").body == b"done"
        wait_until(server.is_idle)
        gauges = server.gauges()
    assert app.started == ["/first", "/last"]
    # Nothing was shed, and no thread ever worked for those who left.
    assert (gauges.shed, gauges.abandoned) == (0, 0)


@pytest.mark.parametrize("goodbye", [socket.socket.close, leave], ids=["close", "reset"])
def test_a_stream_stops_at_its_next_chunk_when_its_client_leaves(
    goodbye: Callable[[socket.socket], None],
) -> None:
    body = Stream()
    with serve(streaming(body), threads=1) as server:
        connection = server.open()
        read_until(connection, b"chunk")
        assert (server.gauges().busy, body.closed) == (1, 0)
        goodbye(connection)
        wait_until(lambda: server.gauges().abandoned == 1)
        assert body.closed == 0
        produced = body.produced
        body.permissions.release()
        assert wait_until(server.is_idle) < SOON
        assert (body.closed, body.produced) == (1, produced + 1)
        assert server.gauges().abandoned == 1


def test_write_stops_an_application_whose_client_left() -> None:
    permissions = threading.Semaphore(1)
    ended: list[type[BaseException]] = []

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT])
        try:
            while permissions.acquire(timeout=20):
                write(b"chunk")
        except BaseException as error:
            ended.append(type(error))
            raise
        return []

    with serve(app, threads=1) as server:
        connection = server.open()
        read_until(connection, b"chunk")
        connection.close()
        wait_until(lambda: server.gauges().abandoned == 1)
        permissions.release()
        assert wait_until(server.is_idle) < SOON
    (error,) = ended
    assert issubclass(error, ConnectionError)


@pytest.mark.parametrize("kind", [Body, ListBody])
def test_an_answer_that_nobody_waits_for_is_closed_all_the_same(
    kind: type[Body | ListBody],
) -> None:
    body = kind([b"abc"])
    app = Gate(lambda: body)
    with serve(app, threads=1) as server:
        connection = server.open()
        wait_until(lambda: app.started)
        connection.close()
        wait_until(lambda: server.gauges().abandoned == 1)
        app.go_on.set()
        wait_until(server.is_idle)
    assert body.closed == 1


def test_a_file_that_nobody_waits_for_is_closed_all_the_same() -> None:
    go_on, started = threading.Event(), threading.Event()
    closed: list[str] = []

    def make() -> File:
        started.set()
        assert go_on.wait(20)
        return File(Path(__file__), closed)

    with serve(sending(make), threads=1) as server:
        connection = server.open()
        assert started.wait(20)
        connection.close()
        wait_until(lambda: server.gauges().abandoned == 1)
        go_on.set()
        wait_until(server.is_idle)
    assert len(closed) == 1


def test_cancelled_streams_pin_no_thread() -> None:
    bodies: list[Body] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        if environ["PATH_INFO"] == "/hello":
            return [b"hello"]
        body = Body(itertools.repeat(MEGABYTE))
        bodies.append(body)
        return body

    with serve(app, threads=10) as server:
        clients = []
        for _ in range(30):
            client = server.connect(receive_buffer=4096)
            client.sendall(b"GET /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
            clients.append(client)
        # All ten threads wait for readers that do not read.
        wait_until(lambda: server.gauges().queued == 20)
        for number, client in enumerate(clients):
            leave(client) if number % 2 else client.close()
        assert wait_until(server.is_idle) < 2 * SOON
        assert server.get("/app/hello").body == b"hello"
    assert [body.closed for body in bodies] == [1] * len(bodies)
    assert 10 <= len(bodies) <= 30


# Readers that stall


def stalled(server: Served) -> socket.socket:
    """Send a request, and never read the answer."""
    connection = server.connect(receive_buffer=4096)
    connection.sendall(b"GET /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
    return connection


def whole(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer at once, but not as a list."""
    start_response("200 OK", [*TEXT, ("Content-Length", "5000000")])
    return Body([MEGABYTE * 5])


def test_a_stalled_reader_of_a_stream_is_cut_off() -> None:
    body = Body(itertools.repeat(MEGABYTE))
    with serve(threads=1, send_timeout=1) as server:
        server.app = streaming(body)
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


def test_a_slow_reader_that_makes_progress_is_not_cut_off() -> None:
    # Far longer than the deadline in all, but never without progress for so long.
    body = Body([MEGABYTE[:100_000]] * 20)
    with serve(streaming(body), threads=1, send_timeout=1) as server:
        with stalled(server) as connection:
            received = bytearray()
            clock = threading.Event()
            while not received.endswith(b"\r\n0\r\n\r\n"):
                clock.wait(0.004)  # the reader is slow; nothing is waited for
                data = connection.recv(8192)
                assert data
                received += data
        wait_until(server.is_idle)
    assert received.partition(b"\r\n\r\n")[2].count(b"x") == 2_000_000
    assert body.closed == 1


def test_an_endless_stream_waits_for_its_reader() -> None:
    produced: list[int] = []
    size = 16 * 1024

    def produce() -> Iterator[bytes]:
        for number in itertools.count():
            produced.append(number)
            yield b"y" * size

    with serve(streaming(produce()), threads=1) as server:
        with stalled(server):
            wait_until(lambda: len(produced) > 4)
            # Nobody says that it has come to rest; three looks without a change do.
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
def test_stalled_readers_of_complete_answers_hold_no_thread(kind: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(MEGABYTE * 5)
    closed: list[str] = []
    app = {
        "list": streaming([MEGABYTE] * 5),
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
        # One reads on after all, the others leave.
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


@pytest.mark.parametrize("kind", ["list", "file"])
def test_stalled_readers_of_complete_answers_are_cut_off_in_the_end(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(MEGABYTE * 20)

    app = {
        "list": streaming([MEGABYTE] * 20),
        "file": sending(lambda: File(tmp_path / "large"), ("Content-Length", "20000000")),
    }[kind]
    with serve(app, threads=1, send_timeout=1) as server:
        with stalled(server) as connection:
            wait_until(lambda: server.server.server_state.tasks)
            assert wait_until(lambda: not server.server.server_state.tasks) < 1 + SOON
            assert len(read_to_end(connection)) < 20_000_000
        wait_until(server.is_idle)


# WebSocket


HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.mark.parametrize("path", ["/app", "/app/", "/app/socket"])
def test_a_websocket_is_refused(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with serve(hello) as server:
        assert server.get(path, *HANDSHAKE).status == 403
        assert server.get().body == b"hello"
    assert [record for record in caplog.records if record.exc_info] == []
