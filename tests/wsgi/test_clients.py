"""Clients that leave, or request what a WSGI mount does not support, on real sockets."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.wsgi.answers import MEGABYTE, answering
from tests.wsgi.clients import leave, read_answer, read_until
from tests.wsgi.responses import TEXT, Body, Environ, File, ListBody, StartResponse, hello, sending
from tests.wsgi.server import SOON, serve, wait_until


class Gate:
    """An application whose requests all wait in a thread until the test releases them."""

    def __init__(self, make: Callable[[], Iterable[bytes]] = lambda: [b"done"]) -> None:
        self.make = make
        self.go_on = threading.Event()
        self.started: list[str] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.started.append(environ["PATH_INFO"])
        assert self.go_on.wait(20)
        start_response("200 OK", [*TEXT])
        return self.make()


class Stream(Body):
    """An endless response, which sends a chunk for each permit."""

    def __init__(self) -> None:
        super().__init__(self.produce())
        self.permissions = threading.Semaphore(1)
        self.produced = 0

    def produce(self) -> Iterator[bytes]:
        while True:
            assert self.permissions.acquire(timeout=20)
            self.produced += 1
            yield b"chunk"


@pytest.mark.parametrize("disconnect", [socket.socket.close, leave], ids=["close", "reset"])
def test_a_client_that_leaves_while_queued_is_never_served(
    disconnect: Callable[[socket.socket], None],
) -> None:
    app = Gate()
    with serve(app, threads=1) as server:
        first = server.open("/app/first")
        wait_until(lambda: app.started)
        queued = [server.open(f"/app/queued/{number}") for number in range(20)]
        wait_until(lambda: server.gauges().queued == 20)
        for connection in queued:
            disconnect(connection)
        wait_until(lambda: server.gauges().queued == 0)
        app.go_on.set()
        assert read_answer(first).body == b"done"
        first.close()
        assert server.get("/app/last").body == b"done"
        wait_until(server.is_idle)
        gauges = server.gauges()
    assert app.started == ["/first", "/last"]
    # No request was shed, and no thread worked for the clients that had left.
    assert (gauges.shed, gauges.abandoned) == (0, 0)


@pytest.mark.parametrize("disconnect", [socket.socket.close, leave], ids=["close", "reset"])
def test_a_stream_stops_at_its_next_chunk_when_its_client_leaves(
    disconnect: Callable[[socket.socket], None],
) -> None:
    body = Stream()
    with serve(answering(lambda: body), threads=1) as server:
        connection = server.open()
        read_until(connection, b"chunk")
        assert (server.gauges().busy, body.closed) == (1, 0)
        disconnect(connection)
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
def test_a_response_without_its_client_is_closed(
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


def test_a_file_without_its_client_is_closed() -> None:
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


def test_cancelled_streams_occupy_no_thread() -> None:
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
        # All ten threads wait for clients that do not read.
        wait_until(lambda: server.gauges().queued == 20)
        for number, client in enumerate(clients):
            leave(client) if number % 2 else client.close()
        assert wait_until(server.is_idle) < 2 * SOON
        assert server.get("/app/hello").body == b"hello"
    assert [body.closed for body in bodies] == [1] * len(bodies)
    assert 10 <= len(bodies) <= 30


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
