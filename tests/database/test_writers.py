"""Many writers at once, through all three frameworks, on a real server."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

WRITERS = 64
WRITES = 2000
SEEDED = {(1, "Alice", "alice@example.com"), (2, "Bob", "bob@example.com")}


async def write_all(origin: str) -> list[httpx.Response]:
    """Send every write, as many at once as there are writers."""
    limits = httpx.Limits(max_connections=WRITERS, max_keepalive_connections=WRITERS)
    numbers = iter(range(WRITES))
    async with httpx.AsyncClient(base_url=origin, limits=limits, timeout=120) as client:

        async def write(numbers: Iterator[int]) -> list[httpx.Response]:
            return [
                await client.post(
                    f"/{FRAMEWORKS[number % 3]}/api/users",
                    json={"name": f"User {number}", "email": f"user{number}@example.com"},
                )
                for number in numbers
            ]

        answers = await asyncio.gather(*(write(numbers) for _ in range(WRITERS)))
    return [answer for part in answers for answer in part]


@pytest.mark.slow
def test_every_acknowledged_write_is_kept(database: SQLite | PostgreSQL) -> None:
    from django_app.models import User

    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "--port", port)
    with serve(*command, origin=origin, path="/flask/api/hello") as server:
        answers = asyncio.run(write_all(origin))
        assert Counter(answer.status_code for answer in answers) == {201: WRITES}, server.output
        assert "locked" not in server.output
    created = [tuple(answer.json().values()) for answer in answers]
    assert {(name, email) for _, name, email in created} == {
        (f"User {number}", f"user{number}@example.com") for number in range(WRITES)
    }
    assert len({user_id for user_id, _, _ in created}) == WRITES
    assert {*User.objects.values_list("id", "name", "email")} == {*created} | SEEDED
