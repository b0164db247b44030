"""pgbench's own log becomes a sample, and every kind of database is measured."""

import click
import pytest

from showdown.bench.pgbench import CASES, measure_pgbench, read_time, summary
from showdown.bench.postgresql import why_missing
from tests.databases import missing

# client, number, microseconds, script, end in seconds and microseconds
LOG = """0 0 2000 0 1700000000 102000
1 0 4000 0 1700000000 104000
0 1 6000 0 1700000000 600000
1 1 8000 0 1700000002 100000
"""


def test_a_log_is_summarized() -> None:
    sample = summary([read_time(line) for line in LOG.splitlines()], spent=0.001)
    assert (sample.requests, sample.p50) == (4, 5)
    assert sample.rate == pytest.approx(2)  # four inserts in two seconds
    assert sample.cpu == pytest.approx(250)


def test_a_log_without_inserts_is_an_error() -> None:
    with pytest.raises(click.ClickException, match="no insert was done"):
        summary([], spent=1)


@pytest.mark.slow
@pytest.mark.thorough
def test_each_kind_of_database_is_measured() -> None:
    if reason := why_missing():
        missing(reason)
    steps: list[str] = []
    samples = measure_pgbench(1, 1, steps.append)
    assert [*samples] == [*CASES]
    assert len(steps) == 2 * len(CASES)
    for (sample,) in samples.values():
        assert sample.rate > 0
        assert sample.cpu > 0
        assert 0 < sample.p50 <= sample.p95 <= sample.p99
