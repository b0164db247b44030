"""`gateway serve` refuses requests with problem details, by the limits of the settings."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve
from tests.wsgi.clients import head, read_answer
from tests.wsgi.server import PATIENCE, wait_until

LIMITS = {
    "GATEWAY_MAX_HEAD_SIZE": "2048",
    "GATEWAY_MAX_HEADERS": "10",
    "GATEWAY_HEAD_TIMEOUT": "0.5",
    "GATEWAY_BODY_TIMEOUT": "0.5",
}
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def port(migrated: SQLite | PostgreSQL) -> Iterator[int]:
    port = free_port()
    origin = f"http://{HOST}:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello", env=LIMITS):
        yield port


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /flask/api/hello HTTP/1.1\r\n", 408),
        (head("/flask/api/users", "Content-Length: 9", method="POST", host=HOST), 408),
        (head("/fastapi/api/users", "Content-Length: 9", method="POST", host=HOST), 408),
        (head("/django/api/hello", "A: " + "a" * 4000, host=HOST), 431),
        (head("/nothing", *["A: a"] * 10, host=HOST), 431),
    ],
    ids=["nonsense", "slow head", "slow body, Flask", "slow body, FastAPI", "long", "many"],
)
def test_a_refusal_is_a_problem_document(port: int, sent: bytes, status: int) -> None:
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        answer = read_answer(connection)
    assert (answer.status, answer.complete) == (status, True)
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("Connection") == "close"
    document = json.loads(answer.body)
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]


BROKEN = """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

@app.get("/fail")
async def fail():
    raise RuntimeError("no such page")

@app.get("/break-off")
async def break_off():
    async def parts():
        yield b"once upon a time"
        raise RuntimeError("no such end")
    return StreamingResponse(parts())
"""


def test_an_unforeseen_error_does_not_end_the_connection_after_its_response(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    port = free_port()
    command = ("gateway", "--port", port, "--only-mounts", "--mount", "/broken=broken:app")
    origin = f"http://{HOST}:{port}"
    with (
        serve(*command, origin=origin, path="/broken/", cwd=tmp_path) as server,
        socket.create_connection((HOST, port), timeout=PATIENCE) as connection,
    ):
        for request_id in ("one", "two"):
            connection.sendall(head("/broken/fail", f"X-Request-ID: {request_id}", host=HOST))
            assert read_answer(connection).status == 500
        connection.sendall(head("/broken/break-off", host=HOST))
        answer = read_answer(connection)
        assert (answer.status, answer.complete) == (200, False)
        wait_until(lambda: "no such end" in server.output)
        for request_id in ("one", "two"):
            assert f"[{request_id}] GET '/broken/fail': unhandled exception" in server.output
        assert server.output.count("RuntimeError: no such page") == 2
