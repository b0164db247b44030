"""What the gateway holds at rest, and whether that grows."""

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
        connections: to the database.
    """

    at: float
    memory: float
    threads: int
    files: int
    connections: int

    @classmethod
    def take(cls, at: float, process: int, database: PostgreSQL) -> "Sample":
        """Measure now."""
        usage = Usage.of(process)
        connections = len(connection_states(database))
        return cls(at, usage.memory / MEBIBYTE, usage.threads, usage.files, connections)


def connection_states(database: PostgreSQL) -> list[str]:
    """Return what each connection of the gateway's does, as PostgreSQL says."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            "SELECT state FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return [state for (state,) in rows]


def count_working(database: PostgreSQL) -> int:
    """Count the connections that are in a query or a transaction."""
    return sum(state != "idle" for state in connection_states(database))


def growth(values: Sequence[float]) -> float:
    """Return by how much the median of the last third exceeds that of the first."""
    third = max(1, len(values) // 3)
    return median(values[-third:]) - median(values[:third])


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many MiB the memory grows in an hour, by least squares."""
    line = linear_regression([sample.at for sample in samples], [s.memory for s in samples])
    return line.slope * 3600
