"""The number of database connections equals the number of threads, however requests end."""

import asyncio

import httpx2 as httpx
import psycopg
import pytest

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.sampling import every
from tests.servers import serve
from tests.usage import times_open

THREADS = 3
FEED = 2  # the reader of events has two connections: one listens, one of FastAPI's pool reads
ROUNDS = 4
ROLE = "counted"
ALICE = {"name": "Alice", "email": "alice@example.com"}

REQUESTS: list[tuple[str, str, object, int]] = [
    ("GET", "/api/users", None, 200),
    ("GET", "/api/users/1", None, 200),
    ("GET", "/api/users/99", None, 404),
    ("GET", "/api/users?limit=0", None, 422),
    ("POST", "/api/users", ALICE, 409),
    ("POST", "/api/users", {"name": ""}, 422),
    ("PUT", "/api/users/1", ALICE, 200),
    ("PUT", "/api/users/2", ALICE, 409),
    ("PATCH", "/api/users/1", {"name": "Alice"}, 200),
    ("PATCH", "/api/users/2", {"email": ALICE["email"]}, 409),
    ("PATCH", "/api/users/99", {"name": "x"}, 404),
    ("PUT", "/api/users/99", {"name": "x", "email": "x@example.com"}, 404),
    ("DELETE", "/api/users/99", None, 404),
]


async def send_all(base_url: str) -> list[int]:
    """Send every request several times, many at once; return the statuses in order."""
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        answers = await asyncio.gather(
            *(client.request(method, path, json=body) for method, path, body, _ in REQUESTS * 6)
        )
    return [answer.status_code for answer in answers]


def count_connections(database: SQLite | PostgreSQL, process: int) -> int:
    """Count the server's connections: open files of SQLite, backends of PostgreSQL."""
    if isinstance(database, PostgreSQL):
        with psycopg.connect(database.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [ROLE]
            ).fetchone()
            assert row is not None
            return int(row[0])
    return times_open(database.path, process)


@pytest.mark.parametrize("framework", every(3, FRAMEWORKS[::-1]))
def test_there_are_no_more_connections_than_threads(
    database: SQLite | PostgreSQL, framework: str
) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_THREADS": str(THREADS)}
    if isinstance(database, PostgreSQL):
        with psycopg.connect(database.url) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
            connection.execute(f"CREATE ROLE {ROLE} LOGIN SUPERUSER")
        env["GATEWAY_DATABASE_URL"] = database.url.replace("gateway@", f"{ROLE}@")
    command = ("gateway", "--port", port)
    with serve(*command, origin=origin, path=f"/{framework}/api/users", env=env) as server:
        counts = []
        for _ in range(ROUNDS):
            statuses = asyncio.run(send_all(f"{origin}/{framework}"))
            assert statuses == [status for *_, status in REQUESTS] * 6
            counts.append(count_connections(database, server.pid))
    assert min(counts) >= 1
    assert max(counts) <= THREADS + FEED
