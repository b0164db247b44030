"""The responses to polite clients, and which refusals an outage excuses."""

import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

REFUSALS = frozenset({503, 504})
GATEWAY = "gateway"  # what every request needs


class Request(NamedTuple):
    """A request and its expected response.

    Attributes:
        needs: what must work for that.
        body: the whole body; None if it varies.
        streams: whether the response may break off when something that it needs fails.
    """

    path: str
    status: int = 200
    method: str = "GET"
    needs: tuple[str, ...] = ()
    body: str | None = None
    streams: bool = False


@dataclass
class Outage:
    """A time in which something is unavailable: a saturated mount, the database, the gateway."""

    lacking: str
    begin: float
    end: float = float("inf")


class Answers:
    """Counts responses by status; a broken connection counts as the name of its exception.

    Attributes:
        failures: a line for each response that no outage excuses.
        longest: seconds of the longest request.
    """

    def __init__(self) -> None:
        self.counts: Counter[int | str] = Counter()
        self.failures: list[str] = []
        self.outages: list[Outage] = []
        self.longest = 0.0

    @contextmanager
    def outage(self, lacking: str) -> Iterator[None]:
        """Excuse 503 and 504 of requests that need something, until the block ends.

        While the gateway is unavailable, broken connections are excused, too.
        """
        outage = Outage(lacking, time.monotonic())
        self.outages.append(outage)
        try:
            yield
        finally:
            outage.end = time.monotonic()

    def record(
        self,
        request: Request,
        path: str,
        status: int | str,
        needs: Collection[str | None],
        begin: float,
    ) -> None:
        """Record the response to a request that began at ``begin`` and ends now."""
        self.counts[status] += 1
        self.longest = max(self.longest, time.monotonic() - begin)
        is_refusal = status in REFUSALS or (request.streams and isinstance(status, str))
        is_excused = (is_refusal and self._is_excused({*needs, GATEWAY}, begin)) or (
            is_broken(status) and self._is_excused({GATEWAY}, begin)
        )
        if status != request.status and not is_excused:
            at = f"{datetime.now(UTC):%T}"
            self.failures.append(
                f"{at} {request.method} {path}: {status} instead of {request.status}"
            )

    def _is_excused(self, needs: Collection[str | None], begin: float) -> bool:
        return any(outage.lacking in needs and outage.end >= begin for outage in self.outages)


def is_broken(status: int | str) -> bool:
    """Return whether a connection broke or was refused; a request without an end has no excuse."""
    return isinstance(status, str) and "Timeout" not in status
