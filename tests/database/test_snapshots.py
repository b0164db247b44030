"""Exports show the users of one moment, although others change them meanwhile."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from contract.settings import get_settings
from tests.database.test_prepare import execute
from tests.databases import PostgreSQL, SQLite
from tests.events.test_export import fill

USERS = 9000
MOVED = "user7@example.com"


def move_an_email(database: SQLite | PostgreSQL) -> None:
    """Give the email of one of the first users to the last one."""
    execute(
        database.url,
        f"UPDATE users SET email = 'moved@example.com' WHERE email = '{MOVED}'",
        f"UPDATE users SET email = '{MOVED}' WHERE id = (SELECT max(id) FROM users)",
    )


def test_the_streamed_export_is_of_one_moment(database: SQLite | PostgreSQL) -> None:
    from fastapi_app import create_app

    fill(database, USERS)
    execute(database.url, f"UPDATE users SET email = '{MOVED}' WHERE name = 'user 7'")
    app = create_app(get_settings())
    body = asyncio.run(request(app, "/api/users/export", lambda: move_an_email(database)))
    emails = [json.loads(line)["email"] for line in body.splitlines()]
    assert len(emails) == USERS + 2
    assert emails.count(MOVED) == 1
    assert f"{USERS}@example.com" in emails


async def request(app: Any, path: str, between: Callable[[], None]) -> bytes:
    """Request a path without a server; call a function after the first part of the response."""
    chunks: list[bytes] = []
    disconnected = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not disconnected.is_set():
            disconnected.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            if not chunks:
                await asyncio.to_thread(between)
            chunks.append(message["body"])

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    return b"".join(chunks)


def test_the_export_of_a_job_is_of_one_moment(database: SQLite | PostgreSQL) -> None:
    from django_app.tasks import pages

    fill(database, USERS)
    execute(database.url, f"UPDATE users SET email = '{MOVED}' WHERE name = 'user 7'")
    emails: list[str] = []
    for rows in pages():
        if not emails:
            # The writer does not wait for the reader, either.
            move_an_email(database)
        emails += [email for _, _, email in rows]
    assert len(emails) == USERS + 2
    assert emails.count(MOVED) == 1
    assert f"{USERS}@example.com" in emails
