"""Many writers at once, transactions that stay open, gateways that are killed: each event once."""

import asyncio
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import Server, serve
from tests.soak.listeners import Event, EventSource, WebSocket
from tests.wsgi.server import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WRITERS = 32
TRANSACTIONS = 30  # of each writer
EMAILS = [f"shared{number}@example.com" for number in range(12)]
LONG, LONGEST = 0.05, 1.5  # the share of long transactions, and seconds that they stay open

# Each change of a user is one more than the last one, under the lock of its row.
CHANGES = {
    "create": "INSERT INTO users (name, email) VALUES ('v0', %s) ON CONFLICT DO NOTHING",
    "change": "UPDATE users SET name = 'v' || substr(name, 2)::int + 1 WHERE email = %s",
    "delete": "DELETE FROM users WHERE email = %s",
}


class Gateway:
    """A gateway that can be killed and started again, on the same port."""

    def __init__(self, stack: ExitStack) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.stack = stack
        self.server = self.start()

    def start(self) -> Server:
        command = ("gateway", "serve", "--port", self.port)
        server = serve(*command, origin=self.origin, path="/flask/api/hello")
        return self.stack.enter_context(server)

    def restart(self) -> None:
        self.server.kill()
        self.server.wait()
        self.server = self.start()


def write(url: str, seed: int) -> None:
    """Change users that other writers change, too, in short and in long transactions."""
    chance = random.Random(seed)
    with psycopg.connect(url, application_name="script") as connection:
        for number in range(TRANSACTIONS):
            if chance.random() < 0.2:
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            # In one order, so that no two transactions wait for each other.
            for email in sorted(chance.sample(EMAILS, chance.randint(1, 3))):
                for kind in chance.choices([*CHANGES], weights=(4, 8, 1), k=chance.randint(1, 3)):
                    connection.execute(CHANGES[kind], [email])
            own = f"own{seed}-{number}@example.com"
            connection.execute(CHANGES["create"], [own])
            if chance.random() < LONG:
                # The load: a transaction that stays open.
                time.sleep(chance.uniform(0, LONGEST))
            if chance.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()


def faults_of(events: list[Event], users: dict[str, str]) -> list[str]:
    """Return a line for each event that does not follow the one before it of the same user."""
    faults = []
    names: defaultdict[str, str | None] = defaultdict(lambda: None)
    for event in events:
        before = names[event.email]
        expected = {
            "created": "v0" if before is None else "",
            "changed": f"v{int(before[1:]) + 1}" if before else "",
            "deleted": before,
        }[event.action]
        if event.name != expected:
            faults.append(f"{event} after {before}")
        names[event.email] = None if event.action == "deleted" else event.name
    left = {email: name for email, name in names.items() if name is not None}
    return faults + [f"{item} is missing" for item in users.items() ^ left.items()]


def stored(connection: psycopg.Connection[tuple[Any, ...]]) -> tuple[list[Event], dict[str, str]]:
    """Return the events and the users that the writers have left."""
    rows = connection.execute(
        "SELECT id, action, email, name FROM user_events WHERE id > 2 ORDER BY id"
    ).fetchall()
    users = connection.execute("SELECT email, name FROM users WHERE id > 2").fetchall()
    return [Event(*row) for row in rows], dict(users)


async def test_listeners_get_each_event_once_and_in_the_order_of_the_changes(
    database: SQLite | PostgreSQL,
) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite has one transaction at a time")
    loop = asyncio.get_running_loop()
    with (
        ExitStack() as stack,
        ThreadPoolExecutor(WRITERS) as threads,
        psycopg.connect(database.url, autocommit=True) as own,
    ):
        gateways = [Gateway(stack), Gateway(stack)]
        listeners = [kind(one.origin) for one in gateways for kind in (EventSource, WebSocket)]
        listening = [asyncio.create_task(listener.listen()) for listener in listeners]
        writing = [
            loop.run_in_executor(threads, write, database.url, seed) for seed in range(WRITERS)
        ]
        for gateway in (*gateways, gateways[0]):
            await asyncio.to_thread(gateway.restart)
        await asyncio.gather(*writing)
        for gateway in gateways:
            assert httpx.get(f"{gateway.origin}/flask/api/hello").status_code == 200
        pending = "SELECT count(*) FROM pending_user_events"
        await asyncio.to_thread(wait_until, lambda: own.execute(pending).fetchone() == (0,))
        events, users = stored(own)
        assert len(events) > 1000
        await asyncio.to_thread(
            wait_until, lambda: all(listener.last >= events[-1].id for listener in listeners)
        )
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    assert faults_of(events, users) == []
    for listener in listeners:
        assert listener.events[2:] == events
