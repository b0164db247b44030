"""Clients that order exports, and senders of webhooks, for whom each order and message counts."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
from standardwebhooks.webhooks import Webhook

from tests.soak.answers import Request
from tests.soak.traffic import DATABASE, PAUSE, WRITES, Traffic

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
EXPORTS = "/fastapi/api/exports"
ORDER = Request(EXPORTS, 202, "POST", needs=(DATABASE, WRITES))
RECEIVER = Request("/flask/webhooks/users", 204, "POST", needs=(DATABASE, WRITES))
TAKEN_BACK = "taken back by a restore"
POLL = 0.3  # seconds between two requests for the state of an export
PAUSE_OF_SENDERS = 0.2  # seconds


class Gate:
    """Keeps requests by id from meeting a restore, which may give the id to something else."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_closed = False
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        """Wait until the gate is open, and keep it open while the block runs."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_closed)
            self._inside += 1
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Wait until nobody is inside; let nobody in until the block ends."""
        async with self._changed:
            self._is_closed = True
            await self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            async with self._changed:
                self._is_closed = False
                self._changed.notify_all()


class Orders:
    """Exports that are ordered one after the other.

    Args:
        files: the directory of exports; a file that was downloaded is removed, to have room.

    Attributes:
        outcomes: how the exports ended.
        waiting: the ids of exports that have not ended yet.
        longest: seconds from the longest order to its end.
        faults: a line for each result that is not whole.
    """

    def __init__(self, gate: Gate, files: Path) -> None:
        self.gate = gate
        self.files = files
        self.outcomes: Counter[str] = Counter()
        self.waiting: set[str] = set()
        self.longest = 0.0
        self.faults: list[str] = []

    async def order(self, traffic: Traffic) -> None:
        """Order an export, and wait for its end."""
        async with self.gate.inside():
            restores = traffic.ledger.restores
            answer = await traffic.ask(ORDER)
        if answer is None:
            return
        export = answer.json()["id"]
        self.waiting.add(export)
        begin = time.monotonic()
        while (outcome := await self.look(traffic, export, restores)) is None:
            # The interval between two requests.
            await asyncio.sleep(POLL)
        self.waiting.discard(export)
        self.outcomes[outcome] += 1
        if outcome != TAKEN_BACK:
            self.longest = max(self.longest, time.monotonic() - begin)

    async def look(self, traffic: Traffic, export: str, restores: int) -> str | None:
        """Return how an export has ended; None if it has not."""
        async with self.gate.inside():
            if traffic.ledger.restores != restores:
                return TAKEN_BACK
            path = f"{EXPORTS}/{export}"
            answer = await traffic.ask(Request(path, needs=(DATABASE,)))
            if answer is None:
                return None
            export_state = answer.json()
            state: str = export_state["state"]
            if state == "finished":
                result = await traffic.ask(Request(f"{path}/result", needs=(DATABASE,)))
                if result is None:
                    return None
                self.check(export, result.text, export_state["total"])
        return state if state in ("finished", "failed") else None

    def check(self, export: str, text: str, total: int) -> None:
        """Check that a result is whole, and remove its file."""
        lines = [json.loads(line) for line in text.splitlines()]
        if len(lines) != total or len({line["email"] for line in lines}) != total:
            self.faults.append(f"export {export}: {len(lines)} of {total} users")
        for file in self.files.glob(f"{export}*"):
            file.unlink()


class Sender:
    """Sends signed messages about one user; repeats each until it is accepted, as senders do.

    Attributes:
        accepted: the number of messages.
    """

    def __init__(self, gate: Gate, email: str) -> None:
        self.gate = gate
        self.email = email
        self.accepted = 0
        self._numbers = itertools.count()
        self._old: tuple[int, str, bytes] | None = None

    async def send(self, traffic: Traffic) -> None:
        """Send a new message, and an old one again, which must change nothing."""
        name = f"version {next(self._numbers)}"
        document = {
            "type": "user.updated",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"name": name, "email": self.email},
        }
        content = json.dumps(document).encode()
        message = f"{self.email} {name}"
        restores = traffic.ledger.restores
        while True:
            traffic.ledger.attempt(self.email, name)
            if await self.deliver(traffic, message, content) is not None:
                break
            # The pause before the next attempt.
            await asyncio.sleep(PAUSE_OF_SENDERS)
        traffic.ledger.acknowledge(self.email, name)
        self.accepted += 1
        async with self.gate.inside():
            # A restore makes the receiver forget the old message, too.
            if self._old is not None and self._old[0] == traffic.ledger.restores == restores:
                await self.deliver(traffic, *self._old[1:])
        self._old = (restores, message, content)
        await asyncio.sleep(PAUSE_OF_SENDERS - PAUSE)

    async def deliver(
        self, traffic: Traffic, message: str, content: bytes
    ) -> httpx.Response | None:
        """Send a message, signed now."""
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(message, now, content.decode()),
        }
        return await traffic.ask(RECEIVER, content=content, headers=headers)
