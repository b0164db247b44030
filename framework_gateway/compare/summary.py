"""Summarise any number of comparisons in constant memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework_gateway.compare.chains import Chains
from framework_gateway.compare.examples import trimmed, weight
from framework_gateway.compare.findings import Comparison, Verdict
from framework_gateway.compare.groups import Group, groups_of
from framework_gateway.compare.latency import Gap, Latencies
from framework_gateway.compare.messages import Request
from framework_gateway.compare.routes import Routes

MAX_ROUTES = 500
MAX_GROUPS = 300
OTHERS = "other routes"

DIFFERS, NOTHING, NO_ANSWER, INTERRUPTED = 1, 2, 3, 130  # exit statuses


@dataclass
class RouteSummary:
    """The comparisons of one route.

    Attributes:
        latencies: maps targets to the latencies of their answers.
        gaps: maps all targets but the first to how much longer they take than the first.
    """

    route: str
    equal: int = 0
    differing: int = 0
    insufficient: int = 0
    failed: int = 0
    latencies: dict[str, Latencies] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)

    def add(self, comparison: Comparison) -> None:
        """Count one comparison."""
        name = {Verdict.EQUAL: "equal", Verdict.DIFFERS: "differing", Verdict.FAILED: "failed"}
        counter = name.get(comparison.verdict, "insufficient")
        setattr(self, counter, getattr(self, counter) + 1)
        for answer in comparison.answers:
            if answer.error is None:
                self.latencies.setdefault(answer.target, Latencies()).add(answer.seconds)
        if comparison.verdict is not Verdict.FAILED:
            first, *others = comparison.answers
            for answer in others:
                gap = self.gaps.setdefault(answer.target, Gap())
                gap.add(answer.seconds - first.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON data; times in seconds."""
        return {
            "route": self.route,
            "matched": self.equal,
            "differing": self.differing,
            "insufficient": self.insufficient,
            "failed": self.failed,
            "latencies": {
                target: {"p50": found.quantile(0.5), "p95": found.quantile(0.95)}
                for target, found in self.latencies.items()
            },
            "longer_than_first": {
                target: {"mean": gap.mean, "interval": gap.interval(), "of": gap.count}
                for target, gap in self.gaps.items()
            },
        }


@dataclass
class Finding:
    """A group of differences, how many comparisons have it, and the smallest of them.

    Attributes:
        checked: how often the example was asked again, and differed again each time; None if it
            was not asked again.
        chains: the requests of the run that have saved values.
    """

    group: Group
    count: int
    example: Comparison
    checked: int | None = None
    chains: Chains = field(default_factory=Chains)

    @property
    def before(self) -> Sequence[Request]:
        """The requests that save the values which the example needs."""
        return self.chains.before(self.example.request)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        document: dict[str, Any] = {**self.group.as_dict(), "count": self.count}
        if self.checked is not None:
            document["checked"] = self.checked
        return {**document, "example": self.example.as_dict()}


class Summary:
    """Counts comparisons by route, and their differences by group.

    Attributes:
        targets: the names of the targets.
        only: the comparison, if there was one.
        uses: maps rules to how often they were used, and to the reason that was given.
        notes: maps places and reasons of differences that do not count to their number.
        headers, bodies: maps what was looked at, in words, to the number of comparisons.
        statuses: maps the statuses of the targets, in words, to the number of comparisons.
        skipped: maps reasons to the number of requests that were left out.
        unstable: findings that were not found again, when their requests were sent again.
        interrupted: whether somebody has stopped the run.
        is_late: whether the time limit has stopped the run.
    """

    def __init__(
        self, targets: Sequence[str], route_of: Callable[[Request], str] | None = None
    ) -> None:
        self.targets = targets
        self.route_of = route_of or Routes()
        self.only: Comparison | None = None
        self.routes: dict[str, RouteSummary] = {}
        self.findings: dict[Group, Finding] = {}
        self.uses: Counter[tuple[str, str]] = Counter()
        self.notes: Counter[tuple[str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.headers: Counter[str] = Counter()
        self.bodies: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.chains = Chains()
        self.total = 0
        self.ungrouped = 0
        self.unstable: list[Finding] = []
        self.interrupted = False
        self.is_late = False

    def add(self, comparison: Comparison) -> None:
        """Count one comparison."""
        self.total += 1
        self.only = comparison if self.total == 1 else None
        self.chains.add(comparison.request)
        route = self.route_of(comparison.request)
        if route not in self.routes and len(self.routes) >= MAX_ROUTES:
            route = OTHERS
        self.routes.setdefault(route, RouteSummary(route)).add(comparison)
        self.headers[comparison.scope.headers] += 1
        self.bodies[comparison.scope.body] += 1
        if (statuses := statuses_of(comparison)) in self.statuses or len(
            self.statuses
        ) < MAX_GROUPS:
            self.statuses[statuses] += 1
        for use in comparison.uses:
            self.uses[use.rule, use.reason] += use.uses
        for note in comparison.notes:
            if (key := (note.place, note.reason)) in self.notes or len(self.notes) < MAX_GROUPS:
                self.notes[key] += 1
        if comparison.verdict in (Verdict.DIFFERS, Verdict.FAILED):
            for group in groups_of(comparison, route):
                self._add_to(group, comparison)

    def _add_to(self, group: Group, comparison: Comparison) -> None:
        finding = self.findings.get(group)
        if finding is None:
            if len(self.findings) >= MAX_GROUPS:
                self.ungrouped += 1
                return
            self.findings[group] = Finding(group, 1, trimmed(comparison), chains=self.chains)
            return
        finding.count += 1
        if weight(comparison) < weight(finding.example):
            finding.example = trimmed(comparison)

    @property
    def counts(self) -> dict[str, int]:
        """The number of comparisons by verdict."""
        routes = self.routes.values()
        return {
            "matched": sum(route.equal for route in routes),
            "differing": sum(route.differing for route in routes),
            "insufficient": sum(route.insufficient for route in routes),
            "failed": sum(route.failed for route in routes),
        }

    @property
    def identical(self) -> bool:
        """Whether there were comparisons, all were made, and all were equal."""
        return 0 < self.total == self.counts["matched"] and not self.interrupted

    @property
    def exit_status(self) -> int:
        """0 if equal, 1 if something differs or is undecided, 3 without an answer.

        Without any comparison it is 2: nothing was looked at, so nothing is equal.
        """
        if self.interrupted:
            return INTERRUPTED
        if not self.total:
            return NOTHING
        counts = self.counts
        if counts["differing"] or counts["insufficient"]:
            return DIFFERS
        return NO_ANSWER if counts["failed"] else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON data."""
        return {
            "identical": self.identical,
            "interrupted": self.interrupted,
            "time_limit_reached": self.is_late,
            "targets": [*self.targets],
            "counts": {"total": self.total, **self.counts},
            "headers": dict(self.headers),
            "bodies": dict(self.bodies),
            "statuses": dict(self.statuses),
            "skipped": dict(self.skipped),
            "rules": [
                {"rule": rule, "uses": uses, "reason": reason}
                for (rule, reason), uses in self.uses.items()
            ],
            "notes": [
                {"place": place, "reason": reason, "count": count}
                for (place, reason), count in self.notes.most_common()
            ],
            "routes": [route.as_dict() for route in self.routes.values()],
            "findings": [finding.as_dict() for finding in self.findings.values()],
            "unstable": [finding.as_dict() for finding in self.unstable],
            "findings_left_out": self.ungrouped,
        }


def statuses_of(comparison: Comparison) -> str:
    """Return the status that all targets have answered, or those of all targets in order."""
    found = [str(answer.status or "none") for answer in comparison.answers]
    return " against ".join(found if len({*found}) > 1 else found[:1])
