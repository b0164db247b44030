"""What is measured: what the gateway holds at rest, and how long the healthy mounts take."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

import psycopg

from tests.databases import PostgreSQL
from tests.usage import MEBIBYTE, Usage


@dataclass(frozen=True)
class Sample:
    """What the gateway holds while nobody asks it anything.

    Attributes:
        at: seconds since the beginning.
        memory: resident, in MiB.
        connections: to the database, of which ``working`` are in a transaction or a query.
    """

    at: float
    memory: float
    threads: int
    files: int
    connections: int
    working: int

    @classmethod
    def take(cls, at: float, process: int, database: PostgreSQL) -> "Sample":
        """Measure now."""
        usage = Usage.of(process)
        with psycopg.connect(database.url) as connection:
            states = connection.execute(
                "SELECT state FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchall()
        return cls(
            at,
            usage.memory / MEBIBYTE,
            usage.threads,
            usage.files,
            connections=len(states),
            working=sum(state != "idle" for (state,) in states),
        )


def growth(values: Sequence[float]) -> float:
    """Return by how much the median of the last third exceeds that of the first."""
    third = max(1, len(values) // 3)
    return median(values[-third:]) - median(values[:third])


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many MiB the memory grows in an hour, by least squares."""
    line = linear_regression([sample.at for sample in samples], [s.memory for s in samples])
    return line.slope * 3600


class Latencies:
    """Seconds that answers took while all was quiet, and while one mount was stuck.

    Attributes:
        ratios: of the medians, by the mount that was stuck and a healthy one; one for each cycle.
    """

    def __init__(self) -> None:
        self.ratios: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.quiet: defaultdict[str, list[float]] = defaultdict(list)
        self.stuck: defaultdict[str, list[float]] = defaultdict(list)

    def end_cycle(self, stuck: str) -> None:
        """Compare what this cycle has measured."""
        for mount, seconds in self.stuck.items():
            self.ratios[stuck, mount].append(median(seconds) / median(self.quiet[mount]))
        self.quiet.clear()
        self.stuck.clear()
