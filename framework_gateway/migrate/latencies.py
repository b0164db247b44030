"""Quantiles of latencies with intervals, from a histogram of constant size."""

import math
from collections import Counter
from statistics import NormalDist
from typing import Any, NamedTuple

from framework_gateway.compare.latency import Latencies

Z = NormalDist().inv_cdf(0.975)
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


class Quantile(NamedTuple):
    """A quantile in seconds, with its 95 % interval.

    Attributes:
        low, high: None if there are too few latencies for that end.
    """

    value: float
    low: float | None
    high: float | None


def quantile(latencies: Latencies, share: float) -> Quantile | None:
    """Return a quantile; None without latencies.

    The interval is that of order statistics: how many latencies are below the true quantile has a
    binomial distribution, here approximated by the normal one.
    """
    count = latencies.count
    value = latencies.quantile(share)
    if value is None:
        return None
    half = Z * math.sqrt(count * share * (1 - share))
    low, high = math.floor(count * share - half), math.ceil(count * share + half) + 1
    return Quantile(
        value,
        latencies.quantile(low / count) if low >= 1 else None,
        latencies.quantile(high / count) if high <= count else None,
    )


def summary(latencies: Latencies) -> dict[str, Any]:
    """Return p50, p95 and p99 as JSON data, in seconds."""
    found = {name: quantile(latencies, share) for name, share in SHARES.items()}
    return {
        "count": latencies.count,
        **{name: one and dict(one._asdict()) for name, one in found.items()},
    }


def merge(one: Latencies, other: Latencies) -> Latencies:
    """Return the sum of two histograms."""
    return Latencies(one.count + other.count, one.buckets + other.buckets)


def as_dict(latencies: Latencies) -> dict[str, int]:
    """Return a histogram as JSON data: the counts by bucket."""
    return {str(bucket): count for bucket, count in latencies.buckets.items()}


def from_dict(data: dict[str, int]) -> Latencies:
    """Return the histogram that ``as_dict`` has written."""
    buckets = Counter({int(bucket): int(count) for bucket, count in data.items()})
    return Latencies(buckets.total(), buckets)
