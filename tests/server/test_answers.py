"""Responses of applications on a gateway in a process of its own, and their access lines."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.databases import free_port
from tests.server.test_leaving import MOST, TAKEN
from tests.servers import Server, serve
from tests.wsgi.clients import Answer, head, leave, read_answer
from tests.wsgi.server import PATIENCE, wait_until


class Own:
    """A gateway that serves one application at ``/own``."""

    def __init__(self, process: Server, port: int) -> None:
        self.process = process
        self.port = port

    @contextmanager
    def asked(self, path: str = "/", *lines: str, method: str = "GET") -> Iterator[socket.socket]:
        """Send a request without reading the response."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(head(f"/own{path}", *lines, method=method, host="127.0.0.1"))
            yield connection

    def ask(self) -> Answer:
        """Send a request and read the response."""
        with self.asked() as connection:
            return read_answer(connection)

    @property
    def line(self) -> str:
        """The only access line, as soon as it is written."""
        wait_until(self._find_lines)
        [line] = self._find_lines()
        return line

    def _find_lines(self) -> list[str]:
        return [line for line in self.process.output.splitlines() if " /own/" in line]


@contextmanager
def serving(directory: Path, source: str) -> Iterator[Own]:
    """Serve the ``app`` of a module with this source."""
    (directory / "own.py").write_text(source)
    port = free_port()
    command = ("gateway", "--port", port, "--only-mounts", "--mount", "/own=own:app")
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, origin=origin, path="/health/live", cwd=directory) as process:
        yield Own(process, port)


ONE_PIECE = f"""
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"x" * {4 * MOST}}})
"""


def test_the_sent_bytes_of_a_response_in_one_piece_are_logged(tmp_path: Path) -> None:
    with serving(tmp_path, ONE_PIECE) as own:
        with own.asked() as connection:
            received = 0
            while received < TAKEN:
                received += len(connection.recv(65536))
            leave(connection)
        found = re.search(r" 200 cut off GET /own/ .* (\d+) B ", own.line)
    assert found
    assert TAKEN / 2 < int(found[1]) < MOST


BAD_HEADS: list[tuple[int, list[Any]]] = [
    *((200, [(b"x", b"a\r\nb")]), (200, [(b"a b", b"")]), (200, [(b"content-length", b"abc")])),
    *((600, []), (101, []), (200, [(b"content-length", b"5"), (b"content-length", b"3")])),
]


@pytest.mark.parametrize(("status", "headers"), BAD_HEADS)
def test_an_invalid_response_head_is_a_500(status: int, headers: list[Any], tmp_path: Path) -> None:
    source = f"""
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": {status}, "headers": {headers}}})
        await send({{"type": "http.response.body", "body": b"12345"}})
"""
    with serving(tmp_path, source) as own:
        answer = own.ask()
        assert " 500 GET /own/ " in own.line
    assert (answer.status, answer.complete) == (500, True)
    assert answer.header("Content-Type") == "application/problem+json"


def test_an_application_that_sends_no_response_is_a_500(tmp_path: Path) -> None:
    with serving(tmp_path, "async def app(scope, receive, send):\n    pass\n") as own:
        assert own.ask().status == 500
        assert " 500 GET /own/ " in own.line


def test_header_names_can_be_other_bytes_like_objects(tmp_path: Path) -> None:
    source = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        headers = [[bytearray(b"X-Name"), memoryview(b"value")]]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
"""
    with serving(tmp_path, source) as own:
        answer = own.ask()
    assert (answer.status, answer.header("X-Name")) == (200, "value")


UPLOAD = """
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def read(request):
    await request.body()
    return Response()


app = Starlette(routes=[Route("/", read, methods=["POST"])])
"""


def test_a_client_that_leaves_during_an_upload_is_not_an_error(tmp_path: Path) -> None:
    with serving(tmp_path, UPLOAD) as own:
        with own.asked("/", "Content-Length: 100", method="POST") as connection:
            connection.sendall(b"abc")
            leave(connection)
        assert " 499 POST /own/ " in own.line
        assert "Traceback" not in own.process.output


BACKGROUND = """
import asyncio
import sys
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI
from starlette.background import BackgroundTask
# Many applications use this middleware, and it passes a disconnect on in its own way.
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse

here = Path(__file__).parent
app = FastAPI()


async def pass_on(request, call_next):
    return await call_next(request)


if {wrapped}:
    # As such applications do.
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)


@app.get("/slow")
async def slow(tasks: BackgroundTasks):
    (here / "asked").touch()
    tasks.add_task((here / "done").touch)
    await asyncio.sleep(0.3)
    return "nobody reads this"


@app.get("/file")
async def file():
    (here / "asked").touch()
    await asyncio.sleep(0.3)
    return FileResponse(sys.executable, background=BackgroundTask((here / "done").touch))
"""


@pytest.mark.parametrize("wrapped", [True, False], ids=["middleware", "bare"])
@pytest.mark.parametrize("path", ["/slow", "/file"])
def test_background_tasks_run_after_the_client_has_left(
    path: str, wrapped: bool, tmp_path: Path
) -> None:
    with serving(tmp_path, BACKGROUND.replace("{wrapped}", str(wrapped))) as own:
        with own.asked(path) as connection:
            wait_until((tmp_path / "asked").exists)
            leave(connection)
        wait_until((tmp_path / "done").exists)
        assert "Traceback" not in own.process.output


LATE = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"nobody reads this"})
"""


def test_a_response_after_the_client_has_left_is_a_499(tmp_path: Path) -> None:
    with serving(tmp_path, LATE) as own:
        with own.asked() as connection:
            leave(connection)
        assert re.fullmatch(r"[0-9:.]+ 499 GET /own/ .* 0 B .*", own.line), own.line
