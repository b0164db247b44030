"""Threads that go on with requests nobody waits for: Python cannot stop them, only tell of them."""

import sys
import traceback
from logging import WARNING
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework_gateway.wsgi.exchange import Exchange

PATIENCE = 5.0  # seconds after which a thread counts as stuck


class GivenUp:
    """The requests of a mount that have been given up while a thread was with them."""

    def __init__(self) -> None:
        self._since: dict[Exchange, float] = {}
        self._stuck: set[Exchange] = set()

    def __bool__(self) -> bool:
        return bool(self._since)

    @property
    def stuck(self) -> int:
        """How many threads have not come back for a while."""
        return len(self._stuck)

    def add(self, exchange: "Exchange", now: float) -> None:
        """Remember a request that has been given up."""
        self._since[exchange] = now

    def look(self, now: float) -> None:
        """Forget those whose thread has come back; report, once, each that does not."""
        for exchange, since in [*self._since.items()]:
            if exchange.returned:
                del self._since[exchange]
                if exchange in self._stuck:
                    exchange.log(WARNING, "The thread of %s has come back", exchange)
                    self._stuck.discard(exchange)
            elif now - since > PATIENCE and exchange not in self._stuck:
                exchange.log(
                    WARNING,
                    "A thread is stuck in %s, given up %.0f s ago; it is here:\n%s",
                    exchange,
                    now - since,
                    stack_of(exchange.thread),
                )
                self._stuck.add(exchange)


def stack_of(thread: int) -> str:
    """Return where a thread is."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)).rstrip() if frame else "(it has ended)"
