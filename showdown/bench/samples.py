"""What one measurement gives, and how several are summed up."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        rate: requests a second.
        cpu: CPU time of the server for a request, in microseconds.
        p50, p95, p99: latencies that so many percent of the answers kept, in milliseconds.
        memory: largest resident memory of the server since its start, in bytes.
        requests: how many answers came.
        failed: the share of them that were errors; only where a case is known to fail.
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
    "cpu": "CPU µs a request",
    "p50": "p50 ms",
    "p95": "p95 ms",
    "p99": "p99 ms",
    "memory": "peak MiB",
}


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write a median with the smallest and the largest value."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def column(samples: Sequence[Sample], figure: str) -> list[float]:
    """Return one figure of each sample."""
    return [getattr(sample, figure) for sample in samples]


def ratios(ones: Sequence[Sample], others: Sequence[Sample], figure: str) -> list[float]:
    """Divide round by round, so that what slows a whole round slows both sides of a ratio.

    Raises:
        ValueError: the two were not measured in the same rounds.
    """
    pairs = zip(column(ones, figure), column(others, figure), strict=True)
    return [one / other for one, other in pairs]


def as_documents(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return samples as JSON takes them."""
    return [asdict(sample) for sample in samples]


def from_documents(documents: Sequence[dict[str, Any]]) -> list[Sample]:
    """Read samples back; members of a later version are ignored."""
    known = {field.name for field in fields(Sample)}
    return [
        Sample(**{name: value for name, value in document.items() if name in known})
        for document in documents
    ]
