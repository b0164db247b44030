"""Fixtures: one server for all attacks, which must work after each as before it."""

from collections.abc import Iterator

import pytest

from tests.attack.client import Target
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import Server, serve

MAX_BODY_SIZE = 100_000
MAX_CONNECTIONS = 1500
# Short, so that slow clients time out soon.
SETTINGS = {
    "GATEWAY_HEAD_TIMEOUT": "1",
    "GATEWAY_BODY_TIMEOUT": "1",
    "GATEWAY_SEND_TIMEOUT": "2",
    "GATEWAY_MAX_BODY_SIZE": str(MAX_BODY_SIZE),
    "GATEWAY_MAX_HEAD_SIZE": "20000",
    "GATEWAY_MAX_HEADERS": "50",
    "GATEWAY_MAX_CONNECTIONS": str(MAX_CONNECTIONS),
    "GATEWAY_MAX_REQUESTS": "2000",
    "GATEWAY_MAX_STREAMS": "2000",
    "GATEWAY_MAX_STREAMS_OF_CLIENT": "2000",
    "GATEWAY_GRACEFUL_TIMEOUT": "1",
}


@pytest.fixture(scope="package")
def attacked(migrated: SQLite | PostgreSQL) -> Iterator[tuple[Target, Server]]:
    """The server and its process."""
    target = Target(free_port())
    command = ("gateway", "--port", target.port)
    path = "/flask/api/hello"
    with serve(*command, origin=target.origin, path=path, env=SETTINGS) as process:
        yield target, process


@pytest.fixture
def target(attacked: tuple[Target, Server], database: SQLite | PostgreSQL) -> Iterator[Target]:
    """The server; after the test, all three frameworks must still answer without a failure."""
    target, process = attacked
    before = len(process.output)
    yield target
    for framework in FRAMEWORKS:
        answer = target.ask(f"GET /{framework}/api/users/1 HTTP/1.1")
        assert answer.body == b'{"id":1,"name":"Alice","email":"alice@example.com"}'
    assert process.poll() is None
    assert "Traceback" not in process.output[before:]
