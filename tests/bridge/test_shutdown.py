"""A server in a process of its own that is told to stop, whatever its requests are doing."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bridge.process import GRACE
from tests.bridge.server import head, is_listening, read_answer, wait_until
from tests.databases import free_port
from tests.servers import Server, serve


@dataclass
class Stopping:
    """A server process and what its applications have left behind."""

    process: Server
    port: int
    directory: Path

    def open(self, path: str) -> socket.socket:
        """Send a request, and wait until the application has it, unless it has to queue."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(head(path))
        return connection

    def wait_for(self, marker: str) -> None:
        wait_until((self.directory / marker).exists)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal; return how many seconds the process has lived on."""
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - start


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Stopping]:
    with running(tmp_path) as stopping:
        yield stopping


@contextmanager
def running(directory: Path) -> Iterator[Stopping]:
    port = free_port()
    command = ("python", "-m", "tests.bridge.process", port, directory)
    with serve(*command, origin=f"http://127.0.0.1:{port}", path="/nowhere") as process:
        yield Stopping(process, port, directory)


def test_an_idle_server_stops_at_once(server: Stopping) -> None:
    with server.open("/app/quick") as connection:
        assert read_answer(connection).body == b"quick"
    assert server.stop() < GRACE


def test_a_running_request_finishes_and_no_new_work_is_taken(server: Stopping) -> None:
    with server.open("/app/running") as connection:
        server.wait_for("running started")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(server.port))
        assert server.process.poll() is None
        (server.directory / "go on").touch()
        answer = read_answer(connection)
    assert (answer.status, answer.body, answer.complete) == (200, b"running", True)
    server.process.wait(GRACE + 4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_handler_that_never_returns_does_not_keep_the_process_alive(
    server: Stopping, number: signal.Signals
) -> None:
    # uvicorn lets SIGTERM end the process in the end; after SIGINT Python waits for its threads.
    with server.open("/app/stuck") as connection:
        server.wait_for("stuck started")
        assert server.stop(number) < GRACE + 4
        assert not read_answer(connection).body.startswith(b"stuck")


def test_an_abandoned_stream_is_closed(server: Stopping) -> None:
    with server.open("/app/stream"):  # which nobody reads
        server.wait_for("stream started")
        assert server.stop() < GRACE + 4
    assert (server.directory / "stream closed").exists()


def test_everything_at_once(server: Stopping) -> None:
    paths = ("/app/stuck", "/app/stream", "/narrow/stuck", "/app/running")
    connections = [server.open(path) for path in paths]
    for name in ("stuck", "stream", "running"):
        server.wait_for(f"{name} started")
    # The only thread of this mount is stuck, so these wait in its queue.
    connections += [server.open(f"/narrow/queued{number}") for number in range(5)]
    seconds = server.stop()
    for connection in connections:
        connection.close()
    assert seconds < GRACE + 4
    assert (server.directory / "stream closed").exists()
    assert not [*server.directory.glob("queued*")]
