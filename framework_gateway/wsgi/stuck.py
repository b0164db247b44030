"""Log threads that keep working on abandoned requests; Python cannot stop a thread."""

import sys
import traceback
from logging import WARNING
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework_gateway.wsgi.exchange import Exchange

STUCK_AFTER = 5.0  # seconds until the thread of an abandoned request counts as stuck


class AbandonedRequests:
    """The requests of a mount that were abandoned while a thread worked on them."""

    def __init__(self) -> None:
        self._since: dict[Exchange, float] = {}
        self._stuck: set[Exchange] = set()

    def __bool__(self) -> bool:
        return bool(self._since)

    @property
    def stuck(self) -> int:
        """How many of their threads are stuck."""
        return len(self._stuck)

    def add(self, exchange: "Exchange", now: float) -> None:
        """Add a request that has been abandoned."""
        self._since[exchange] = now

    def check(self, now: float) -> None:
        """Remove requests whose thread has returned; log each stuck thread once."""
        for exchange, since in [*self._since.items()]:
            if exchange.returned:
                del self._since[exchange]
                if exchange in self._stuck:
                    exchange.log(WARNING, "The thread of %s has returned", exchange)
                    self._stuck.discard(exchange)
            elif now - since > STUCK_AFTER and exchange not in self._stuck:
                exchange.log(
                    WARNING,
                    "A thread is stuck in %s, abandoned %.0f s ago, at:\n%s",
                    exchange,
                    now - since,
                    stack_of(exchange.thread),
                )
                self._stuck.add(exchange)


def stack_of(thread: int) -> str:
    """Return the stack of a thread as text."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)).rstrip() if frame else "(the thread has ended)"
