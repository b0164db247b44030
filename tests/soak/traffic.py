"""Polite clients: reads and writes on every mount, one after the other."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx2 as httpx

from tests.conftest import FRAMEWORKS
from tests.soak.answers import Answers, Request
from tests.soak.ledger import Ledger

DATABASE = "database"
WRITES = "writes"
PAUSE = 0.03  # seconds between two requests of one client

# Below the prefix of each mount.
READS = [
    Request("/api/hello", body='{"message":"Hello, World!"}'),
    Request(
        "/api/users/1",
        needs=(DATABASE,),
        body='{"id":1,"name":"Alice","email":"alice@example.com"}',
    ),
    Request("/api/users?limit=20", needs=(DATABASE,)),
    Request("/api/users/1", method="HEAD", needs=(DATABASE,)),
    Request("/api/users?search=user%20777", needs=(DATABASE,)),
    Request("/api/users/999999999", 404, needs=(DATABASE,)),
    Request("/api/users?limit=0", 422),
    Request("/api/users", 204, method="OPTIONS"),
    Request("/api/users", 405, method="TRACE"),
    Request("/api/wait?ms=20", body='{"waited_ms":20}'),
    Request("/api/me", 401),
    Request("/nothing", 404),
]
# The gateway's own pages, and paths that only one framework has.
PAGES = [
    Request("/"),
    Request("/compare/api/hello", needs=FRAMEWORKS),
    Request("/routes"),
    Request("/health/live"),
    Request("/metrics"),
    Request("/nothing", 404),
    Request("/fastapi/openapi.json", needs=("fastapi",)),
    Request("/fastapi/api/users/export", needs=("fastapi", DATABASE), streams=True),
    Request("/django/admin/login/", needs=("django",)),
]


class Traffic:
    """The requests of polite clients, and the responses.

    Args:
        client: its base URL is the gateway.
    """

    def __init__(self, client: httpx.AsyncClient, ledger: Ledger, answers: Answers) -> None:
        self.client = client
        self.ledger = ledger
        self.answers = answers

    def clients(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """Yield the work of each client, which repeats it until the end."""
        for framework in FRAMEWORKS:
            for offset in (0, len(READS) // 2):
                yield self.reader(framework, READS[offset:] + READS[:offset])
            yield partial(self.write, framework)
        yield self.reader(None, PAGES)

    async def ask(
        self, what: Request, mount: str | None = None, **options: Any
    ) -> httpx.Response | None:
        """Send a request; return a response with the expected status, or else None."""
        status, answer = await self.send(what, mount, **options)
        return answer if status == what.status else None

    async def send(
        self, what: Request, mount: str | None = None, **options: Any
    ) -> tuple[int | str, httpx.Response | None]:
        """Send a request and record the response.

        Returns:
            The status, or the name of an exception, and the response, if there is one.
        """
        path = what.path if mount is None else f"/{mount}{what.path}"
        needs = {mount, *what.needs}
        begin = time.monotonic()
        answer = None
        status: int | str
        try:
            answer = await self.client.request(what.method, path, **options)
            status = answer.status_code
        except httpx.TransportError as error:
            status = type(error).__name__
        self.answers.record(what, path, status, needs, begin)
        if status == what.status and answer is not None and what.body not in (None, answer.text):
            self.answers.failures.append(f"{what.method} {path}: {answer.text}")
        return status, answer

    def reader(self, mount: str | None, reads: list[Request]) -> Callable[[], Awaitable[None]]:
        """Return a client that reads one path after another."""
        turns = itertools.cycle(reads)

        async def read() -> None:
            await self.ask(next(turns), mount)

        return read

    async def write(self, first: str) -> None:
        """Create a user in one framework, change it in the others, and read each change."""
        email = self.ledger.new_email()
        start = FRAMEWORKS.index(first)
        second, third = (FRAMEWORKS[(start + step) % 3] for step in (1, 2))
        created = await self.change(first, Request("/api/users", 201, "POST"), email, "created")
        if created is None:
            return
        user = created.json()
        path = f"/api/users/{user['id']}"
        for mount, reader, method, name in (
            (second, third, "PATCH", "patched"),
            (third, first, "PUT", "put"),
        ):
            if await self.change(mount, Request(path, 200, method), email, name) is None:
                return
            # What one framework has acknowledged, the others can read.
            body = json.dumps({**user, "name": name}, separators=(",", ":"))
            await self.ask(Request(path, needs=(DATABASE,), body=body), reader)
        if random.getrandbits(1):
            await self.change(first, Request(path, 204, "DELETE"), email, None)

    async def change(
        self, mount: str, what: Request, email: str, name: str | None
    ) -> httpx.Response | None:
        """Write a user, or delete it if the name is None, and update the ledger."""
        before = {*self.ledger.possible.get(email, {None})}
        self.ledger.attempt(email, name)
        content = None if name is None else {"name": name, "email": email}
        needs = (DATABASE, WRITES)
        status, answer = await self.send(what._replace(needs=needs), mount, json=content)
        if status == what.status:
            self.ledger.acknowledge(email, name)
            return answer
        if status == "ConnectError" or is_refusal(answer):
            self.ledger.refuse(email, before)
        return None


def is_refusal(answer: httpx.Response | None) -> bool:
    """Return whether an answer promises that nothing was stored.

    Without Retry-After, it is not known whether the database has stored the change.
    """
    return answer is not None and answer.status_code == 503 and "Retry-After" in answer.headers


@asynccontextmanager
async def coming(*clients: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run clients again and again; those running when the block ends may finish."""
    ended = asyncio.Event()

    async def come(visit: Callable[[], Awaitable[object]]) -> None:
        while not ended.is_set():
            await visit()
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(come(client))
        try:
            yield
        finally:
            ended.set()
