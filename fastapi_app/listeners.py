"""One listener to the events: a queue of new events, and the table when the queue is too small."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from contract.events import Reset, UserEvent

QUEUE_SIZE = 1000  # events that may wait for a listener before it reads the table instead

Stored = Callable[[int], AsyncGenerator[tuple[list[UserEvent], int] | Reset]]


class Listener:
    """Receives each event once and in order, at its own pace and in constant memory.

    Args:
        stored: yields the events of the table after an id, page by page, each with its last id; and
            a reset, if the table cannot continue there.
        after: the last event that the client has received; None for one that begins.
        now: the last event that was delivered to listeners.
    """

    def __init__(self, stored: Stored, after: int | None, now: int) -> None:
        self.stored = stored
        self.sent = now if after is None else after
        self.queue: asyncio.Queue[UserEvent | Reset] = asyncio.Queue(QUEUE_SIZE)
        # Whether events are missing in the queue, after those that it has.
        self.is_behind = after is not None

    def deliver(self, events: Iterable[UserEvent]) -> None:
        """Queue new events, as long as there is room and none is missing before them."""
        for event in events:
            if self.is_behind or self.queue.full():
                self.is_behind = True
                return
            self.queue.put_nowait(event)

    def reset(self, reset: Reset) -> None:
        """Queue a reset in place of the events before it, which the table no longer has."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.is_behind = False
        self.queue.put_nowait(reset)

    async def events(self) -> AsyncGenerator[UserEvent | Reset]:
        """Yield all events after the last one that the client has received."""
        while True:
            if self.is_behind and self.queue.empty():
                # From now on, new events wait in the queue while those of the table are sent.
                self.is_behind = False
                async with aclosing(self._read()) as items:
                    async for item in items:
                        yield item
            item = await self.queue.get()
            if isinstance(item, Reset) or item.id > self.sent:
                self.sent = item.id
                yield item

    async def _read(self) -> AsyncGenerator[UserEvent | Reset]:
        """Yield the events of the table after the last one."""
        async with aclosing(self.stored(self.sent)) as pages:
            async for page in pages:
                if isinstance(page, Reset):
                    self.sent = page.id
                    yield page
                    return
                events, last = page
                for event in events:
                    yield event
                self.sent = last
