"""Latencies in constant memory."""

import random
import statistics

import pytest

from framework_gateway.compare.latency import Gap, Latencies


def test_quantiles_are_close() -> None:
    chance = random.Random(1)
    values = [chance.lognormvariate(-5, 1) for _ in range(10_000)]
    found = Latencies()
    for value in values:
        found.add(value)
    cuts = statistics.quantiles(values, n=100)
    assert found.quantile(0.5) == pytest.approx(cuts[49], rel=0.03)
    assert found.quantile(0.95) == pytest.approx(cuts[94], rel=0.03)
    assert len(found.buckets) < 1200


def test_extreme_latencies_are_counted() -> None:
    found = Latencies()
    assert found.quantile(0.5) is None
    for value in (0.0, -1.0, 1e9):
        found.add(value)
    assert found.quantile(0.5) == 1e-6
    assert found.quantile(1) == pytest.approx(1e4, rel=0.02)


def test_the_interval_covers_the_mean_difference() -> None:
    chance = random.Random(2)
    gap = Gap()
    values = [chance.gauss(0.005, 0.002) for _ in range(500)]
    for value in values:
        gap.add(value)
    interval = gap.interval()
    assert interval is not None
    low, high = interval
    error = 1.96 * statistics.stdev(values) / 500**0.5
    assert low == pytest.approx(statistics.mean(values) - error, rel=0.01)
    assert high == pytest.approx(statistics.mean(values) + error, rel=0.01)


def test_few_pairs_have_no_interval() -> None:
    gap = Gap()
    for _ in range(9):
        gap.add(0.001)
    assert gap.interval() is None
