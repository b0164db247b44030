"""Mixed load on a site, and listeners to its events, with records of what was acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import httpx2 as httpx

from tests.conftest import FRAMEWORKS
from tests.events.test_stream import EVENTS, parse

WRITERS, READERS, WAITERS, LISTENERS = 6, 4, 3, 4
PAUSE = 0.02  # seconds between the requests of a client


@dataclass(frozen=True)
class Failure:
    """A request without its expected response; status 0 if there was no response."""

    method: str
    path: str
    status: int
    text: str


@dataclass
class Traffic:
    """Clients that send requests.

    Attributes:
        names: the possible names of each user whose creation was acknowledged.
        failures: the requests that failed since the last ``take_failures``.
        answered: the number of expected responses, by framework.
        seen: the ids of events that each listener has received, in order; the first is its start.
        connections: how often the listeners have connected.
    """

    make_client: Callable[[], httpx.AsyncClient]
    first: int
    names: dict[int, set[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAMEWORKS, 0))
    seen: list[list[int]] = field(default_factory=list)
    connections: int = 0
    stopping: bool = False
    numbers: Any = field(default_factory=count)

    def take_failures(self) -> list[Failure]:
        failures, self.failures = self.failures, []
        return failures

    async def answers(self, number: int = 10) -> None:
        """Wait until each framework has given this many more expected responses."""
        aims = {name: answered + number for name, answered in self.answered.items()}
        async with asyncio.timeout(60):
            while any(self.answered[name] < aim for name, aim in aims.items()):
                await asyncio.sleep(0.01)  # polling interval

    async def catch_up(self, last: int) -> None:
        """Wait until each listener has received an event."""
        async with asyncio.timeout(30):
            while any(seen[-1] < last for seen in self.seen):
                await asyncio.sleep(0.01)  # polling interval

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send requests during the block; the listeners go on until this is cancelled."""
        ways = [*[self.write] * WRITERS, *[self.read] * READERS, *[self.wait] * WAITERS]
        working = [asyncio.create_task(self.work(way, place)) for place, way in enumerate(ways)]
        try:
            yield
        finally:
            self.stopping = True
            await asyncio.gather(*working)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen during the block."""
        self.seen = [[self.first] for _ in range(LISTENERS)]
        listening = [asyncio.create_task(self.listen(seen)) for seen in self.seen]
        try:
            yield
        finally:
            for task in listening:
                task.cancel()
            await asyncio.wait(listening)

    async def work(
        self, way: Callable[[httpx.AsyncClient, str], Coroutine[Any, Any, None]], place: int
    ) -> None:
        async with self.make_client() as client:
            for framework in cycle(FRAMEWORKS[place % 3 :] + FRAMEWORKS[: place % 3]):
                if self.stopping:
                    return
                await way(client, framework)
                await asyncio.sleep(PAUSE)

    async def write(self, client: httpx.AsyncClient, framework: str) -> None:
        """Create a user, and change its name."""
        number = next(self.numbers)
        before, after = f"first {number}", f"second {number}"
        body = {"name": before, "email": f"u{number}@example.com"}
        created = await self.send(client, "POST", framework, "/api/users", 201, json=body)
        if created is None:
            return
        user = created.json()["id"]
        # Both names are possible until the change is acknowledged.
        self.names[user] = {before, after}
        path = f"/api/users/{user}"
        if await self.send(client, "PATCH", framework, path, 200, json={"name": after}):
            self.names[user] = {after}

    async def read(self, client: httpx.AsyncClient, framework: str) -> None:
        """Read a page of users."""
        await self.send(client, "GET", framework, "/api/users?limit=5", 200)

    async def wait(self, client: httpx.AsyncClient, framework: str) -> None:
        """Request an endpoint that waits."""
        await self.send(client, "GET", framework, "/api/wait?ms=100", 200)

    async def send(
        self,
        client: httpx.AsyncClient,
        method: str,
        framework: str,
        path: str,
        status: int,
        **options: Any,
    ) -> httpx.Response | None:
        """Send a request; return the expected response, or else record the failure."""
        path = f"/{framework}{path}"
        try:
            response = await client.request(method, path, **options)
        except httpx.TransportError as error:
            self.failures.append(Failure(method, path, 0, repr(error)))
            return None
        if response.status_code == status:
            self.answered[framework] += 1
            return response
        self.failures.append(Failure(method, path, response.status_code, response.text[:200]))
        return None

    async def listen(self, seen: list[int]) -> None:
        """Record the events; when the stream ends, reconnect after the last event."""
        async with self.make_client() as client:
            while True:
                headers = {"Last-Event-ID": str(seen[-1])}
                try:
                    async with client.stream("GET", EVENTS, headers=headers) as response:
                        if response.status_code == 200:
                            self.connections += 1
                            async for event in parse(response.aiter_lines()):
                                seen.append(event["id"])
                except httpx.TransportError:
                    pass  # a browser also reconnects after any error
                await asyncio.sleep(0.1)  # browsers wait longer, as the server's `retry` says
