"""The exit status after a stop: 1 if any kind of thread does not return, or else 0."""

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.databases import free_port
from tests.servers import Server, running, serve, wait_for
from tests.wsgi.clients import head
from tests.wsgi.server import PATIENCE, wait_until

GRACE = 1  # seconds
APPLICATIONS = """
import asyncio
import threading
from pathlib import Path

from fastapi import FastAPI

here = Path(__file__).parent
fastapi = FastAPI()


def wait(name, for_ever=True):
    (here / name).touch()
    threading.Event().wait(None if for_ever else 0.1)


def wsgi(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    if name != "well":
        wait(name)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]


class File:
    def __init__(self):
        self.file = open(__file__, "rb")
        self.fileno = self.file.fileno

    def read(self, size):
        return wait("file") or self.file.read(size)

    def close(self):
        self.file.close()


def files(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](File())


@fastapi.get("/def")
def sync():
    wait("def")


@fastapi.get("/to_thread")
async def to_thread():
    await asyncio.to_thread(wait, "to_thread")


@fastapi.get("/own")
async def own():
    threading.Thread(target=wait, args=("own",)).start()


@fastapi.get("/daemon")
async def daemon():
    threading.Thread(target=wait, args=("daemon",), daemon=True).start()
"""


def stop_during(directory: Path, path: str, marker: str) -> tuple[int, str]:
    """Request a path, and stop the server once the marker exists; return the status and output."""
    (directory / "applications.py").write_text(APPLICATIONS)
    port = free_port()
    mounts = [f"--mount=/{name}=applications:{name}" for name in ("wsgi", "files", "fastapi")]
    with (
        serve(
            *("gateway", "serve", "--port", port, "--only-mounts", *mounts),
            origin=f"http://127.0.0.1:{port}",
            path="/wsgi/well",
            env={"GATEWAY_GRACEFUL_TIMEOUT": str(GRACE)},
            cwd=directory,
        ) as process,
        contextlib.closing(socket.create_connection(("127.0.0.1", port))) as connection,
    ):
        connection.sendall(head(path, host="127.0.0.1"))
        wait_until((directory / marker).exists)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE), process.output


@pytest.mark.parametrize(
    ("path", "marker", "status"),
    [
        ("/wsgi/stuck", "stuck", 1),
        pytest.param("/files/", "file", 1, marks=pytest.mark.slow),
        pytest.param("/fastapi/def", "def", 1, marks=pytest.mark.slow),
        pytest.param("/fastapi/to_thread", "to_thread", 1, marks=pytest.mark.slow),
        ("/fastapi/own", "own", 1),
        # Nothing has to wait for a daemon thread.
        ("/fastapi/daemon", "daemon", 0),
    ],
)
def test_a_stop_during_a_request_has_the_right_exit_status(
    path: str, marker: str, status: int, tmp_path: Path
) -> None:
    found, output = stop_during(tmp_path, path, marker)
    assert found == status, output
    assert ("have not returned" in output) == (status == 1)


@pytest.mark.slow
def test_workers_have_the_same_exit_status(tmp_path: Path) -> None:
    """Each worker ends with its own status; the parent ends with 1 if a worker did."""
    (tmp_path / "applications.py").write_text(APPLICATIONS)
    port = free_port()
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--workers", 2)
    process: Server
    with (
        serve(
            *(*command, "--mount=/wsgi=applications:wsgi"),
            origin=f"http://127.0.0.1:{port}",
            path="/wsgi/well",
            env={"GATEWAY_GRACEFUL_TIMEOUT": str(GRACE), "GATEWAY_SECRET_KEY": "k" * 60},
            cwd=tmp_path,
        ) as process,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        connection.sendall(head("/wsgi/stuck", host="127.0.0.1"))
        wait_until((tmp_path / "stuck").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1


# One of the processes that load this application never gets further.
SLOW = """
from pathlib import Path
from threading import Event

here = Path(__file__).parent
number = 1
while True:
    try:
        (here / str(number)).mkdir()
        break
    except FileExistsError:
        number += 1
if number == WAITS:
    Event().wait()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]
"""


def two_workers(directory: Path, port: int, waits: int) -> tuple[object, ...]:
    """Return the command of a gateway with two workers, one of which waits while it starts."""
    (directory / "slow.py").write_text(SLOW.replace("WAITS", str(waits)))
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--workers", 2)
    return *command, "--app-dir", directory, "--mount", "/slow=slow:app"


def test_a_worker_that_starts_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Otherwise the next gateway cannot use the address until the worker notices."""
    port = free_port()
    command = two_workers(tmp_path, port, waits=2)
    with serve(*command, origin=f"http://127.0.0.1:{port}", path="/slow/") as server:
        wait_until((tmp_path / "2").exists)
        server.kill()
        wait_until(lambda: is_free(port))
        assert "Traceback" not in server.output


def test_a_first_worker_that_is_killed_while_it_starts_is_replaced(tmp_path: Path) -> None:
    port = free_port()
    with running(*two_workers(tmp_path, port, waits=1)) as server:
        wait_until((tmp_path / "1").exists)
        for child in server.children:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
        wait_for(server, f"http://127.0.0.1:{port}/slow/")


def is_free(port: int) -> bool:
    """Return whether a server can listen on a port."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
