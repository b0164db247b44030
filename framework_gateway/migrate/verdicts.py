"""Whether a route is ready for the next stage, by the evidence."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from framework_gateway.migrate import latencies as histograms
from framework_gateway.migrate.bounds import Ready
from framework_gateway.migrate.evidence import (
    COMPARED,
    NOT_ANSWERED,
    OLD_FAILED,
    TIMED_OUT,
    RouteEvidence,
)


class Readiness(StrEnum):
    """The verdict about a route."""

    READY = "ready"
    NOT_READY = "not ready"
    TOO_LITTLE = "too little seen"


class Judgement(NamedTuple):
    """A verdict and the reasons for it, each with numbers."""

    readiness: Readiness
    reasons: list[str]


def judge(evidence: RouteEvidence, ready: Ready) -> Judgement:
    """Judge a route; what has not been seen is never ready."""
    if faults := [*faults_of(evidence, ready)]:
        return Judgement(Readiness.NOT_READY, faults)
    compared = evidence.counts[COMPARED]
    if compared < ready.compared:
        return Judgement(
            Readiness.TOO_LITTLE, [f"{compared:,} compared, {ready.compared:,} are needed"]
        )
    if (ratio := slowness(evidence)) is None:
        return Judgement(Readiness.TOO_LITTLE, ["too few latencies"])
    return Judgement(
        Readiness.READY, [f"{compared:,} compared, none beyond the limits, p95 {ratio:.2f} times"]
    )


def faults_of(evidence: RouteEvidence, ready: Ready) -> Iterator[str]:
    """Yield what keeps a route from being ready."""
    counts, compared = evidence.counts, evidence.counts[COMPARED]
    if (differing := evidence.differing) > ready.differing * compared:
        yield f"{differing:,} of {compared:,} compared differ"
    unanswered = counts[TIMED_OUT] + counts[NOT_ANSWERED] - counts[OLD_FAILED]
    failed = unanswered + counts["new failure"]
    asked = compared + failed
    if failed > ready.failing * asked:
        yield f"{failed:,} of {asked:,} were not answered"
    ratio = slowness(evidence)
    if ratio is not None and ratio > ready.slower and compared >= ready.compared:
        yield f"p95 is {ratio:.2f} times the old one's, more than {ready.slower:g}"


def slowness(evidence: RouteEvidence) -> float | None:
    """Return the p95 of the new side as a multiple of the old one's; None if it is unknown."""
    old, new = (evidence.latencies[side].quantile(0.95) for side in ("old", "new"))
    return new / old if old and new else None


def report(evidence: RouteEvidence, ready: Ready) -> dict[str, Any]:
    """Return the evidence of a route as JSON data for people: pages, commands, reports."""
    readiness, reasons = judge(evidence, ready)
    compared = evidence.counts[COMPARED]
    return {
        "readiness": str(readiness),
        "reasons": reasons,
        "counts": dict(evidence.counts),
        "differing": evidence.differing,
        "differences": [
            {
                **vars(one),
                "rate": one.count / compared if compared else None,
                "is_noise": evidence.is_noise(one),
            }
            for one in sorted(evidence.found.values(), key=lambda one: -one.count)
        ],
        "latency": {side: histograms.summary(known) for side, known in evidence.latencies.items()},
    }
