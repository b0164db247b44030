"""`gateway serve` itself refuses in the contract's shape, by the limits of the settings."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.bridge.server import PATIENCE, head, read_answer
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

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
