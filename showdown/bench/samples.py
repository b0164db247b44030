"""The figures of one measurement, and summaries of several."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        rate: requests per second that succeeded.
        cpu: CPU time of the server per request, in microseconds; HttpArena's ``cpu_per_req_us``.
        p50, p95, p99: percentiles of the latency, in milliseconds.
        memory: peak resident memory of the server since its start, in bytes.
        requests: the number of responses.
        failed: the share of them that were errors; not 0 only where a case may fail.
    """

    rate: float
    cpu: float
    p50: float
    p95: float
    p99: float
    memory: int
    requests: int
    failed: float = 0.0


FIGURES = {
    "rate": "requests/s",
    "cpu": "CPU µs per request",
    "p50": "p50 ms",
    "p95": "p95 ms",
    "p99": "p99 ms",
    "memory": "peak MiB",
}


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Return the median with the smallest and the largest value, as text."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def column(samples: Sequence[Sample], figure: str) -> list[float]:
    """Return one figure of each sample."""
    return [getattr(sample, figure) for sample in samples]


def ratios(ones: Sequence[Sample], others: Sequence[Sample], figure: str) -> list[float]:
    """Divide round by round: what slows a whole round down affects both sides of a ratio.

    Raises:
        ValueError: both were not measured in the same rounds.
    """
    pairs = zip(column(ones, figure), column(others, figure), strict=True)
    return [one / other for one, other in pairs]


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the median of each figure."""
    return {
        field.name: shortened(statistics.median(column(samples, field.name)))
        for field in fields(Sample)
    }


def as_documents(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return samples as JSON documents, with as many digits as mean something."""
    return [
        {name: shortened(value) for name, value in asdict(sample).items()} for sample in samples
    ]


def shortened(value: float) -> float:
    """Round a figure to four digits; counts stay as they are."""
    return value if isinstance(value, int) else float(f"{value:.4g}")


def from_documents(documents: Sequence[dict[str, Any]]) -> list[Sample]:
    """Read samples back; unknown members, which a later version wrote, are ignored."""
    known = {field.name for field in fields(Sample)}
    return [
        Sample(**{name: value for name, value in document.items() if name in known})
        for document in documents
    ]


def percentiles(times: Sequence[float]) -> tuple[float, float, float]:
    """Return the times within which 50, 95 and 99 of 100 requests were answered.

    Raises:
        StatisticsError: there are fewer than two times.
    """
    places = statistics.quantiles(times, n=100, method="inclusive")
    return places[49], places[94], places[98]
