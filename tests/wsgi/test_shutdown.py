"""Stops of a server in a process of its own, whatever its requests are doing."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from framework_gateway.wsgi.middleware import RETURN_TIMEOUT
from tests.databases import free_port
from tests.sampling import every
from tests.servers import Server, serve
from tests.wsgi.clients import head, read_answer
from tests.wsgi.process import GRACE
from tests.wsgi.server import PATIENCE, is_listening, wait_until


@dataclass
class Stopping:
    """A server process and the marker files of its applications."""

    process: Server
    port: int
    directory: Path

    def open(self, path: str) -> socket.socket:
        """Send a request, and wait until the application has it, unless it is queued."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(head(path))
        return connection

    def wait_for(self, marker: str) -> None:
        wait_until((self.directory / marker).exists)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and wait until the process has exited."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def has_given_up(self) -> bool:
        """Whether the process logged that threads did not return, by its own clock."""
        return (
            f"threads have not returned within {GRACE + RETURN_TIMEOUT:g} s" in self.process.output
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Stopping]:
    with running(tmp_path) as stopping:
        yield stopping


@contextmanager
def running(directory: Path, grace: int = GRACE) -> Iterator[Stopping]:
    port = free_port()
    command = ("python", "-m", "tests.wsgi.process", port, directory, grace)
    with serve(*command, origin=f"http://127.0.0.1:{port}", path="/nowhere") as process:
        yield Stopping(process, port, directory)


def test_an_idle_server_does_not_wait_for_the_graceful_timeout(tmp_path: Path) -> None:
    with running(tmp_path, grace=10 * PATIENCE) as server:
        with server.open("/app/quick") as connection:
            assert read_answer(connection).body == b"quick"
        server.stop()


def test_a_running_request_finishes_and_new_ones_are_refused(server: Stopping) -> None:
    with server.open("/app/running") as connection:
        server.wait_for("running started")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(server.port))
        assert server.process.poll() is None
        (server.directory / "go on").touch()
        answer = read_answer(connection)
    assert (answer.status, answer.body, answer.complete) == (200, b"running", True)
    server.process.wait(PATIENCE)


@pytest.mark.parametrize("number", every(2, [signal.SIGTERM, signal.SIGINT]))
def test_a_handler_that_never_returns_does_not_keep_the_process_alive(
    server: Stopping, number: signal.Signals
) -> None:
    # With SIGTERM, uvicorn finally ends the process; after SIGINT, Python waits for its threads.
    with server.open("/app/stuck") as connection:
        server.wait_for("stuck started")
        server.stop(number)
        assert not read_answer(connection).body.startswith(b"stuck")
    assert server.has_given_up()


def test_an_abandoned_stream_is_closed(server: Stopping) -> None:
    with server.open("/app/stream"):  # nobody reads the stream
        server.wait_for("stream started")
        server.stop()
    assert (server.directory / "stream closed").exists()


def test_a_stop_handles_requests_in_every_state_at_once(server: Stopping) -> None:
    paths = ("/app/stuck", "/app/stream", "/narrow/stuck", "/app/running")
    connections = [server.open(path) for path in paths]
    for name in ("stuck", "stream", "running"):
        server.wait_for(f"{name} started")
    # The only thread of this mount is stuck, so these wait in its queue.
    connections += [server.open(f"/narrow/queued{number}") for number in range(5)]
    server.stop()
    for connection in connections:
        connection.close()
    assert server.has_given_up()
    assert (server.directory / "stream closed").exists()
    assert not [*server.directory.glob("queued*")]
