"""``/compare`` with one line for each answer, on a real socket."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.servers import ROOT, serve

LINES = {"Compare-Response": "lines"}
HANGING = """
import asyncio
from pathlib import Path

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"].endswith("/hang"):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            Path({file!r}).touch()
            raise
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"done"}})
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """A gateway with a mount that hangs, which notes the end of its request in a file."""
    (tmp_path / "hanging.py").write_text(HANGING.format(file=str(tmp_path / "ended")))
    port = free_port()
    with serve(
        *("gateway", "--port", port, "--only-mounts"),
        *("--mount", "/one=tests.compare.applications:main", "--mount", "/two=hanging:app"),
        origin=f"http://127.0.0.1:{port}",
        path="/one/users",
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    ):
        yield f"http://127.0.0.1:{port}"


def test_each_answer_is_a_line_and_the_result_comes_last(origin: str) -> None:
    with httpx.stream("GET", f"{origin}/compare/users", headers=LINES) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in response.iter_lines()]
    assert {line["answer"]["target"] for line in lines[:2]} == {"one", "two"}
    whole = httpx.get(f"{origin}/compare/users").json()
    assert lines[2]["comparison"].keys() == whole.keys() - {"answers"}
    assert lines[2]["comparison"]["differences"][0]["part"] == whole["differences"][0]["part"]
    # A target must not see the header.
    assert "compare-response" not in json.dumps(lines).lower()


def test_an_answer_does_not_wait_for_a_slower_one(origin: str, tmp_path: Path) -> None:
    with httpx.stream("GET", f"{origin}/compare/hang", headers=LINES, timeout=20) as response:
        first = json.loads(next(response.iter_lines()))
    assert first["answer"]["target"] == "one"
    # The client has left, so the request to the target that hangs has ended.
    wait_for(tmp_path / "ended")


@pytest.mark.parametrize("headers", [{}, LINES])
def test_a_client_that_leaves_ends_the_comparison(
    origin: str, tmp_path: Path, headers: dict[str, str]
) -> None:
    host, port = origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"GET /compare/hang HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())
        if headers:
            connection.recv(1)
    wait_for(tmp_path / "ended")


def wait_for(file: Path) -> None:
    """Poll until a file is there."""
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, "the request goes on"
        # The pause between two looks.
        time.sleep(0.05)
