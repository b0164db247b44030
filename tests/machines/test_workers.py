"""Worker processes on one socket: how they stop on signals, with their parent, and under load."""

import errno
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from contract.settings import Settings, find_workers_fault
from framework_gateway.server.server import STOP_MARGIN
from tests.databases import free_port
from tests.sampling import every
from tests.server.test_listeners import begin_to_connect, end_of, on_linux
from tests.servers import Server, has_ended, running, wait_for
from tests.wsgi.clients import Answer, head, read_answer, read_until
from tests.wsgi.server import PATIENCE, is_listening, wait_until

GRACE = 1  # seconds
LONG = 60  # seconds; longer than anything tested here takes
CROWD = 30


@dataclass
class Tree:
    """A server process and its workers.

    Attributes:
        started: the workers at the start.
    """

    process: Server
    port: int
    started: frozenset[int] = frozenset()

    @property
    def workers(self) -> set[int]:
        """The processes that answered one of many requests; rarely, one is missing."""
        return {int(self.get("/send_pid").body) for _ in range(20)}

    def get(self, path: str) -> Answer:
        with self.open(path) as connection:
            return read_answer(connection)

    def open(self, path: str = "") -> socket.socket:
        """Connect, and send a request if there is a path."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=LONG)
        if path:
            connection.sendall(head(path))
        return connection


@contextmanager
def serving(workers: int, grace: int = GRACE) -> Iterator[Tree]:
    """Run a server with workers; the block begins when all of them answer."""
    port = free_port()
    with running("python", "-m", "tests.machines.process", port, workers, grace) as process:
        tree = Tree(process, port)
        wait_for(process, f"http://127.0.0.1:{port}/send_pid")

        def have_started() -> bool:
            tree.started = frozenset(tree.workers)
            return len(tree.started) == workers

        wait_until(have_started)
        yield tree


def test_a_worker_that_is_killed_is_replaced() -> None:
    with serving(2) as tree:
        ended, spared = tree.started
        os.kill(ended, signal.SIGKILL)

        def is_replaced() -> bool:
            # Only one request per poll: further ones might reach only one of the workers.
            workers = tree.workers
            return len(workers) == 2 and spared in workers and ended not in workers

        wait_until(is_replaced)
        assert f"Worker {ended} has ended with status -9" in tree.process.output


@pytest.mark.slow
def test_workers_stop_gracefully_when_their_parent_is_killed() -> None:
    with serving(2, LONG) as tree:
        with tree.open("/wait_for_stop") as connection:
            tree.process.kill()
            assert read_answer(connection).body == b"stopping"
        wait_until(lambda: all(has_ended(worker) for worker in tree.started))


def test_workers_that_cannot_start_report_it_once() -> None:
    with running("python", "-m", "tests.machines.process", free_port(), 2, LONG, "fail") as process:
        assert process.wait(PATIENCE) == 3
        assert process.output == "no start today\n"


@pytest.mark.parametrize("workers", every(2, [1, 2]))
def test_an_interrupt_shuts_the_application_down_and_ends_with_status_0(workers: int) -> None:
    with serving(workers, LONG) as tree, tree.open("/wait_for_stop") as connection:
        # A later response: so the process has read the other request, if it is the same process.
        wait_until(lambda: len(tree.workers) == workers)
        tree.process.send_signal(signal.SIGINT)
        assert read_answer(connection).body == b"stopping"
        assert tree.process.wait(PATIENCE) == 0
        assert tree.process.output == ""


@pytest.mark.parametrize("workers", every(2, [2, 1]))
def test_a_stop_under_load_answers_every_connection_that_was_accepted(workers: int) -> None:
    with serving(workers) as tree, ThreadPoolExecutor(CROWD) as threads:
        clients = [threads.submit(ask_until_refused, tree) for _ in range(CROWD)]
        # Each client has sent another request by now.
        wait_until(lambda: len(tree.workers) == workers)
        tree.process.terminate()
        statuses = [status for client in clients for status in client.result()]
        assert tree.process.wait(PATIENCE) == 0
    assert {*statuses} == {200}


@pytest.mark.slow
@on_linux
def test_connections_during_a_stop_of_workers_are_refused_and_not_reset() -> None:
    port = free_port()
    with running("python", "-m", "tests.machines.process", port, 1, LONG, "hold") as process:
        wait_until(lambda: process.output.startswith("holding"))
        worker = int(process.output.split()[-1])
        process.terminate()
        wait_until(lambda: "got SIGTERM" in process.output)
        with begin_to_connect("127.0.0.1", port) as connection:
            os.kill(worker, signal.SIGUSR1)
            assert process.wait(PATIENCE) == 0
            assert end_of(connection) == errno.ECONNREFUSED


def ask_until_refused(tree: Tree) -> list[int]:
    """Send requests on new connections until the port is closed; return the statuses."""
    statuses = []
    while True:
        try:
            statuses.append(tree.get("/send_pid").status)
        except ConnectionRefusedError:
            return statuses


@pytest.mark.slow
def test_a_thread_that_never_returns_does_not_keep_the_processes_alive() -> None:
    with serving(2) as tree, tree.open("/block"):
        wait_until(lambda: len(tree.workers) == 2)
        tree.process.terminate()
        assert tree.process.wait(PATIENCE) == 1
        # By the server's own clock: a busy machine takes longer to start and end processes.
        assert f"Threads have not returned within {GRACE + STOP_MARGIN:g} s" in tree.process.output


@pytest.mark.slow
def test_a_second_interrupt_does_not_wait_for_requests() -> None:
    with serving(1, LONG) as tree, tree.open("/wait_for_ever"):
        wait_until(lambda: tree.workers)
        tree.process.send_signal(signal.SIGINT)
        wait_until(lambda: not is_listening(tree.port))
        tree.process.send_signal(signal.SIGINT)
        assert tree.process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_an_event_stream_that_begins_during_a_stop_does_not_delay_it() -> None:
    with serving(1, LONG) as tree, tree.open() as connection:
        wait_until(lambda: tree.workers)
        tree.process.terminate()
        wait_until(lambda: not is_listening(tree.port))
        connection.sendall(head("/stream"))
        read_until(connection, b": connected")
        assert tree.process.wait(PATIENCE) == 0


SHOP = """
import os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {'PROMETHEUS_MULTIPROC_DIR' in os.environ}".encode()]
"""


def test_workers_of_the_command_share_a_metrics_directory(tmp_path: Path) -> None:
    """Also if the directory has modules with the names of the gateway's own."""
    (tmp_path / "settings.py").write_text("raise RuntimeError('not the settings of the gateway')")
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()
    address = f"http://127.0.0.1:{port}/shop/"
    options = ("--workers", 2, "--only-mounts", "--mount", "/shop=shop:application")
    answers: set[str] = set()

    def have_both_answered() -> bool:
        answers.add(httpx.get(address).text)
        return len(answers) == 2

    env = {"TMPDIR": str(tmp_path)}
    with running("gateway", "--port", port, *options, cwd=tmp_path, env=env) as process:
        wait_for(process, address)
        wait_until(have_both_answered)
        processes = {answer.removesuffix(" False") for answer in answers}
        (metrics,) = tmp_path.glob("gateway-metrics-*")
        assert {file.stem.rpartition("_")[2] for file in metrics.glob("*.db")} == processes
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert not metrics.exists()


def test_several_workers_without_a_secret_key_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("contract.settings.SECRET_KEY_FILE", tmp_path / "none")
    monkeypatch.setattr("contract.settings.get_settings", Settings)
    assert find_workers_fault() is None
    monkeypatch.delenv("GATEWAY_SECRET_KEY")
    assert "GATEWAY_SECRET_KEY is missing" in (find_workers_fault() or "")
