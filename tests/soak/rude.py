"""Rude clients: one of each kind at a time; each visit has a time limit."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

from tests.conftest import FRAMEWORKS
from tests.soak.ledger import Ledger
from tests.soak.wire import DRIP, connect
from tests.wsgi.clients import head

STALL = 5.0  # seconds that a stalled reader reads nothing
PATIENCE = 20.0  # seconds; a visit that takes longer hangs
EXPORT = "/fastapi/api/users/export"

HOSTILE = [
    b'{"name": ' + b"[" * 50_000,
    b'{"name": NaN, "email": "a@example.com"}',
    b'{"name": "\xff\xfe", "email": "a@example.com"}',
    b'{"name": "\\ud800", "email": "a@example.com"}',
    b'{"name": "\\u0000", "email": "a@example.com"}',
    b'{"name": ' + b"9" * 10_000 + b', "email": "a@example.com"}',
    b'\xef\xbb\xbf{"name": "a"}',
    b'{"name": "a", "name": {}, "email": []}',
    b"",
]

Visit = Callable[[str], Awaitable[str]]


class RudeClients:
    """Visits of clients that misbehave.

    Attributes:
        outcomes: how the visits ended, by kind and outcome: a status, ``left`` if the client ended
            it, ``closed`` if the server did, ``held`` if a slow client got its response, ``hung``
            if nothing ended it.
    """

    def __init__(self, port: int, ledger: Ledger) -> None:
        self.port = port
        self.ledger = ledger
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.kinds: list[Visit] = [
            self.leaves_in_the_head,
            self.leaves_in_the_body,
            self.leaves_without_the_answer,
            self.leaves_in_the_answer,
            self.listens_and_leaves,
            self.upgrades_and_leaves,
            self.sends_hostile_json,
            self.sends_too_much,
            self.sends_a_slow_head,
            self.sends_a_slow_body,
            self.stops_reading,
        ]

    def clients(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """Yield the visits of each kind of client, which repeats them until the end."""
        for kind in self.kinds:
            yield partial(self.visit, kind, itertools.cycle(FRAMEWORKS))

    async def visit(self, kind: Visit, mounts: Iterator[str]) -> None:
        """Run one visit, and record how it ended."""
        try:
            async with asyncio.timeout(PATIENCE):
                outcome = await kind(next(mounts))
        except ConnectionError:
            outcome = "closed"
        except TimeoutError:
            outcome = "hung"
        self.outcomes[kind.__name__, outcome] += 1

    def post(self, mount: str, *headers: str) -> bytes:
        """Return the head of a request that creates a user."""
        json_type = "Content-Type: application/json"
        path = f"/{mount}/api/users"
        return head(path, json_type, *headers, method="POST", host="127.0.0.1")

    def get(self, path: str, *headers: str) -> bytes:
        return head(path, *headers, host="127.0.0.1")

    def new_user(self, name: str) -> tuple[str, bytes]:
        """Return the email address of a new user, and the body that would create it."""
        email = self.ledger.new_email()
        return email, json.dumps({"name": name, "email": email}).encode()

    async def leaves_in_the_head(self, mount: str) -> str:
        async with connect(self.port) as wire:
            wire.writer.write(self.get(f"/{mount}/api/hello")[:-4])
            await wire.writer.drain()
        return "left"

    async def leaves_in_the_body(self, mount: str) -> str:
        email, body = self.new_user("cut short")
        self.ledger.forbid(email)
        async with connect(self.port) as wire:
            if random.getrandbits(1):
                # The whole document, but Content-Length announces more.
                wire.writer.write(self.post(mount, f"Content-Length: {len(body) + 10}") + body)
            else:
                wire.writer.write(self.post(mount, "Transfer-Encoding: chunked"))
                wire.writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            await wire.writer.drain()
            await asyncio.sleep(DRIP)
        return "left"

    async def leaves_without_the_answer(self, mount: str) -> str:
        email, body = self.new_user("never acknowledged")
        self.ledger.attempt(email, "never acknowledged")
        async with connect(self.port) as wire:
            wire.writer.write(self.post(mount, f"Content-Length: {len(body)}") + body)
            await wire.writer.drain()
        return "left"

    async def leaves_in_the_answer(self, mount: str) -> str:
        path = EXPORT if mount == "fastapi" else f"/{mount}/api/wait?ms=300"
        async with connect(self.port) as wire:
            wire.writer.write(self.get(path))
            with suppress(TimeoutError):
                async with asyncio.timeout(DRIP):
                    await wire.reader.read(1000)
        return "left"

    async def listens_and_leaves(self, _mount: str) -> str:
        async with connect(self.port) as wire:
            wire.writer.write(self.get("/fastapi/api/users/events?after=0"))
            await wire.reader.read(1000)
        return "left"

    async def upgrades_and_leaves(self, mount: str) -> str:
        """Request a WebSocket; only FastAPI has one."""
        handshake = (
            *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        async with connect(self.port) as wire:
            wire.writer.write(self.get(f"/{mount}/api/users/live?after=0", *handshake))
            return await wire.status()

    async def sends_hostile_json(self, mount: str) -> str:
        body = random.choice(HOSTILE)
        async with connect(self.port) as wire:
            wire.writer.write(self.post(mount, f"Content-Length: {len(body)}") + body)
            return await wire.status()

    async def sends_too_much(self, mount: str) -> str:
        async with connect(self.port) as wire:
            wire.writer.write(self.post(mount, "Transfer-Encoding: chunked"))
            for _ in range(30):
                wire.writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            return await wire.status()

    async def sends_a_slow_head(self, mount: str) -> str:
        async with connect(self.port) as wire:
            return await wire.drip(self.get(f"/{mount}/api/hello", "X-Slow: " + "x" * 100))

    async def sends_a_slow_body(self, mount: str) -> str:
        async with connect(self.port) as wire:
            wire.writer.write(self.post(mount, "Content-Length: 1000"))
            return await wire.drip(b" " * 1000)

    async def stops_reading(self, _mount: str) -> str:
        """Read nothing of a long response for a while, then the rest."""
        async with connect(self.port, receive_buffer=4096) as wire:
            # Otherwise the transport itself goes on reading.
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            wire.writer.write(self.get(EXPORT))
            await asyncio.sleep(STALL)
            wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
            status = await wire.status()
            return status if status != "200" else await wire.read_chunks()
