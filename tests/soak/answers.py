"""What polite clients were answered, and which refusals the moment excuses."""

import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

REFUSALS = frozenset({503, 504})


class Request(NamedTuple):
    """A request, and what answers it.

    Attributes:
        needs: what has to work for that.
        body: the whole of it; None where it is another each time.
        streams: whether the answer may also break off when what it needs fails.
    """

    path: str
    status: int = 200
    method: str = "GET"
    needs: tuple[str, ...] = ()
    body: str | None = None
    streams: bool = False


@dataclass
class Outage:
    """A time in which something cannot be had: a mount that is saturated, or the database."""

    lacking: str
    begin: float
    end: float = float("inf")


class Answers:
    """Counts answers by status; a connection that breaks is its exception's name.

    Attributes:
        failures: a line for each answer that nothing excuses.
    """

    def __init__(self) -> None:
        self.counts: Counter[int | str] = Counter()
        self.failures: list[str] = []
        self.outages: list[Outage] = []

    @contextmanager
    def outage(self, lacking: str) -> Iterator[None]:
        """Excuse 503 and 504 of whatever needs something, until the block ends."""
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
        """Note the answer to a request that began at ``begin`` and ends now."""
        self.counts[status] += 1
        is_refusal = status in REFUSALS or (request.streams and isinstance(status, str))
        if status != request.status and not (is_refusal and self._is_excused(needs, begin)):
            self.failures.append(f"{request.method} {path}: {status} instead of {request.status}")

    def _is_excused(self, needs: Collection[str | None], begin: float) -> bool:
        return any(outage.lacking in needs and outage.end >= begin for outage in self.outages)
