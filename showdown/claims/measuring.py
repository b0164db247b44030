"""For experiments: load tests with servers, or with a database, of their own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from showdown.bench.databases import Databases, share_postgresql
from showdown.bench.measure import Plan, measure_all
from showdown.bench.postgresql import Cluster
from showdown.bench.targets import Server
from showdown.claims.model import Comparison, Findings, Laboratory
from showdown.claims.run import SECONDS, figures_of


def measure_comparisons(
    comparisons: Sequence[Comparison],
    servers: Mapping[str, Server],
    found: Databases,
    laboratory: Laboratory,
) -> Findings:
    """Measure the cases of the comparisons, and judge them.

    Raises:
        ClickException: a server did not start, or a request failed.
    """
    pairs = ((comparison.case, comparison.other) for comparison in comparisons)
    cases = list({case: None for pair in pairs for case in pair})
    plan = Plan(cases, servers, laboratory.rounds, SECONDS)
    samples = measure_all(plan, found, laboratory.directory, laboratory.notify)
    conditions = [comparison.judge(samples) for comparison in comparisons]
    return Findings(conditions, figures_of(cases, samples))


@contextmanager
def own_postgresql(laboratory: Laboratory, name: str) -> Iterator[Databases]:
    """Run a PostgreSQL server with the users until the block ends.

    Args:
        name: of the server's directory.

    Raises:
        Missing: PostgreSQL is not installed.
    """
    # Each server opens a pool for each of its targets.
    cluster = Cluster(laboratory.directory / name, "-c max_connections=400")
    with cluster.serving(), share_postgresql(cluster.url, allowed=False) as shared:
        yield shared
