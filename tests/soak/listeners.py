"""Listeners to the events, which must miss none."""

import asyncio
import json
from typing import Any, NamedTuple

import httpx2 as httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

RECONNECT = 0.2  # seconds until a listener reconnects
RESET = "reset"  # the action with which a listener is told to continue after another id


class Event(NamedTuple):
    """What tells an event from others that have had the same id before a restore."""

    id: int
    action: str
    email: str = ""
    name: str = ""

    @classmethod
    def of(cls, message: dict[str, Any]) -> "Event":
        """Return the event in a message."""
        user = message.get("user", {})
        return cls(message["id"], message["action"], user.get("email", ""), user.get("name", ""))


class Listener:
    """Listens, and continues after the last event whenever the connection breaks.

    Attributes:
        events: all events and resets, in the order of arrival.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.events: list[Event] = []

    @property
    def seen(self) -> list[int]:
        """The ids of all events, in the order of arrival."""
        return [event.id for event in self.events]

    @property
    def last(self) -> int:
        """The id of the last event; 0 before the first."""
        return self.events[-1].id if self.events else 0

    async def listen(self) -> None:
        """Listen until this is cancelled."""
        while True:
            try:
                await self.read()
            except (httpx.HTTPError, WebSocketException, OSError):
                # The database is down; its events come later.
                await asyncio.sleep(RECONNECT)

    async def read(self) -> None:
        """Read events until the connection ends."""
        raise NotImplementedError


class EventSource(Listener):
    """Listens to server-sent events."""

    async def read(self) -> None:
        headers = {"Last-Event-ID": str(self.last)}
        async with (
            httpx.AsyncClient(base_url=self.origin, timeout=30) as client,
            client.stream("GET", "/fastapi/api/users/events", headers=headers) as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    self.events.append(Event.of(json.loads(line[6:])))


class WebSocket(Listener):
    """Listens to the same events over WebSocket."""

    async def read(self) -> None:
        address = self.origin.replace("http", "ws", 1)
        async with connect(f"{address}/fastapi/api/users/live?after={self.last}") as messages:
            async for message in messages:
                self.events.append(Event.of(json.loads(message)))
