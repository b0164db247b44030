"""What the gateway holds at rest, and whether it grows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

import psycopg

from tests.databases import PostgreSQL
from tests.usage import MEBIBYTE, Usage


@dataclass(frozen=True)
class Sample:
    """What the gateway holds while it serves no request.

    Attributes:
        at: seconds since the start.
        memory: resident, in MiB.
        pools: connections to the database, by application name: a framework's, or that of the
            connection that listens for events.
    """

    at: float
    memory: float
    threads: int
    files: int
    pools: Counter[str]

    @classmethod
    def take(cls, at: float, process: int, database: PostgreSQL) -> "Sample":
        """Take a sample now."""
        usage = Usage.of(process)
        pools = Counter(name for name, _ in list_connections(database))
        return cls(at, usage.memory / MEBIBYTE, usage.threads, usage.files, pools)

    @property
    def connections(self) -> int:
        """The number of connections to the database."""
        return self.pools.total()


def list_connections(database: PostgreSQL) -> list[tuple[str, str]]:
    """Return the name and state of each connection, as PostgreSQL reports them."""
    with psycopg.connect(database.url, application_name="soak") as connection:
        return connection.execute(
            "SELECT application_name, state FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name <> 'soak'"
        ).fetchall()


def count_working(database: PostgreSQL) -> int:
    """Count the connections that are in a query or a transaction."""
    return sum(state != "idle" for _, state in list_connections(database))


def growth(values: Sequence[float]) -> float:
    """Return by how much the median of the last third exceeds that of the first third."""
    third = max(1, len(values) // 3)
    return median(values[-third:]) - median(values[:third])


def slope(samples: Sequence[Sample]) -> float:
    """Return the growth of the memory in MiB per hour, by least squares."""
    line = linear_regression([sample.at for sample in samples], [s.memory for s in samples])
    return line.slope * 3600
