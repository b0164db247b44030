"""What is known about a route that moves: counts, differences, latencies, in constant space.

Each worker counts what has come since it has last handed its counts to the store. ``merged`` adds
those of several workers. A million requests take no more space than a thousand.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from framework_gateway.compare.examples import weight
from framework_gateway.compare.findings import Comparison, Difference, Kind, Verdict
from framework_gateway.compare.groups import INDEX, Group, groups_of
from framework_gateway.compare.latency import Latencies
from framework_gateway.compare.messages import Failure
from framework_gateway.compare.noise import OWN_NOISE
from framework_gateway.compare.pointers import Pointers
from framework_gateway.compare.rates import exceeds
from framework_gateway.migrate import latencies as histograms
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.bounds import EvidenceOptions
from framework_gateway.migrate.examples import example_of, size_of
from framework_gateway.migrate.recording import Loss
from framework_gateway.migrate.testers import Side

MAX_SAMPLE = 300  # counts are scaled down to it before they are tested
MAX_BATCHES = 200  # batches that are known to be stored; a worker stores one a second
DEFAULT_BOUNDS = EvidenceOptions()
OTHER_GROUP = "others"
NO_EXAMPLE = 1e18  # larger than the weight of any example

# What a comparison, or its absence, is counted as.
COMPARED, EQUAL, DIFFERING, NOISY = "compared", "equal", "differing", "noisy"
TIMED_OUT, NOT_ANSWERED, NOT_COMPARED = "timed out", "not answered", Loss.FAILED.value
OLD_FAILED = "failed by old"  # of the two before, those that the new application has answered


@dataclass
class Found:
    """Differences that have route, place and type in common.

    Attributes:
        what: the place, the type and the detail, for people.
        noise: identifies the place among those at which the old application differs from itself.
        count: compared requests that had it.
        first, last: seconds since 1970.
        example: the smallest one, masked.
        weight: how small it is.
    """

    what: str
    noise: str
    count: int = 0
    first: float = 0.0
    last: float = 0.0
    example: dict[str, Any] | None = None
    weight: float = NO_EXAMPLE

    def add(self, other: "Found") -> None:
        """Add what another worker has found."""
        self.first = min(self.first, other.first) if self.count else other.first
        self.last = max(self.last, other.last)
        self.count += other.count
        if other.example is not None and other.weight < self.weight:
            self.example, self.weight = other.example, other.weight


@dataclass
class RouteEvidence:
    """The evidence of one route.

    Attributes:
        counts: by name: ``requests``, ``old success``, ``new failure``, ``fallback``, ``compared``,
            ``equal``, ``differing``, ``noisy``, ``dropped``, ``too large``, ``timed out`` and so
            on.
        found: the differences.
        asked_twice: how often the old application was asked twice.
        noise: how often it then differed from itself, by place.
        latencies: of both sides.
        batches: names of what workers have added last, so that nothing is added twice.
        bounds: how much is kept.
    """

    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, Found] = field(default_factory=dict)
    asked_twice: int = 0
    noise: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, Latencies] = field(
        default_factory=lambda: {"old": Latencies(), "new": Latencies()}
    )
    batches: list[str] = field(default_factory=list)
    bounds: EvidenceOptions = DEFAULT_BOUNDS

    def add_answer(self, side: Side, outcome: Outcome, seconds: float) -> None:
        """Count an answer to a client."""
        self.counts[f"{side} {outcome}"] += 1
        if outcome is Outcome.SUCCESS:
            self.latencies[side].add(seconds)

    def add_comparison(
        self,
        route: str,
        comparison: Comparison,
        again: Sequence[Difference] | None,
        show: Pointers,
        known: Sequence[Self] = (),
    ) -> str:
        """Count a comparison.

        Args:
            route: the name of the route.
            comparison: the answers of both sides.
            again: how the old application differs from itself; None if it was asked once.
            show: places in bodies whose values examples show.
            known: what was counted before this evidence began, to tell noise.

        Returns:
            What it was counted as.
        """
        if again is not None:
            self._add_noise(again)
        if comparison.error is not None:
            self.counts[NOT_COMPARED] += 1
            return NOT_COMPARED
        if comparison.verdict is Verdict.FAILED:
            return self._add_failure(comparison)
        self.counts[COMPARED] += 1
        groups = groups_of(comparison, route)
        for group in groups:
            self._add_group(group, comparison, show)
        is_real = any(self._counts(group, known) for group in groups)
        kind = DIFFERING if is_real else NOISY if groups else EQUAL
        self.counts[kind] += 1
        return kind

    def _add_failure(self, comparison: Comparison) -> str:
        failures = {answer.failure for answer in comparison.answers}
        failed = {answer.target for answer in comparison.answers if answer.error is not None}
        kind = TIMED_OUT if Failure.TIMEOUT in failures else NOT_ANSWERED
        if Failure.TOO_LONG in failures:
            kind = Loss.TOO_LARGE.value
        elif failed == {"old"}:
            self.counts[OLD_FAILED] += 1
        self.counts[kind] += 1
        return kind

    def _add_noise(self, again: Sequence[Difference]) -> None:
        self.asked_twice += 1
        for key in {noise_key(one.place, str(one.kind)) for one in again if one.counts}:
            self._add_place(key, 1)

    def _add_place(self, key: str, count: int) -> None:
        # A difference has up to two places: as a value, and as a part that is missing.
        if key in self.noise or len(self.noise) < 2 * self.bounds.differences:
            self.noise[key] += count

    def _add_group(self, group: Group, comparison: Comparison, show: Pointers) -> None:
        what = group.what if self._has_room(group.what) else OTHER_GROUP
        noise = noise_key(group.place, group.kind) if what == group.what else ""
        now, size = time.time(), float(weight(comparison))
        found = self.found.setdefault(what, Found(what, noise))
        one = Found(what, noise, 1, now, now)
        if size < found.weight:
            example = example_of(comparison, show)
            if size_of(example) <= self.bounds.example:
                one.example, one.weight = example, size
        found.add(one)

    def _has_room(self, what: str) -> bool:
        return what in self.found or len(self.found) < self.bounds.differences

    def kinds(self, comparison: Comparison, known: Sequence[Self] = ()) -> set[str]:
        """Return how the answers differ beyond noise, such as ``body (value)``."""
        groups = [group for group in groups_of(comparison, "") if self._counts(group, known)]
        return {f"{group.place.split()[0]} ({group.kind})" for group in groups}

    def _counts(self, group: Group, known: Sequence[Self]) -> bool:
        found = self.found.get(group.what) or self.found.get(OTHER_GROUP)
        return found is None or not self.is_noise(found, known)

    def is_noise(self, found: Found, known: Sequence[Self] = ()) -> bool:
        """Return whether the old application differs from itself there about as often."""
        parts = [self, *known]
        alone = sum(part.noise[found.noise] for part in parts)
        if not alone or not found.noise:
            return False
        before = [part.found[found.what].count for part in known if found.what in part.found]
        count = found.count + sum(before)
        compared = sum(part.counts[COMPARED] for part in parts)
        across, rounds = scaled(count, max(count, compared))
        alone, pairs = scaled(alone, sum(part.asked_twice for part in parts))
        return not exceeds(across, rounds, alone, pairs)

    @property
    def differing(self) -> int:
        """The number of compared requests that differ, at most, beyond noise."""
        real = sum(one.count for one in self.found.values() if not self.is_noise(one))
        # A request with several differences is counted at each of them.
        return min(self.counts[DIFFERING] + self.counts[NOISY], real)

    def add(self, other: Self) -> None:
        """Add the evidence of another worker."""
        self.counts.update(other.counts)
        self.asked_twice += other.asked_twice
        for place, count in other.noise.items():
            self._add_place(place, count)
        for what, one in other.found.items():
            key = what if self._has_room(what) else OTHER_GROUP
            self.found.setdefault(key, Found(key, one.noise if key == what else "")).add(one)
        for side, known in self.latencies.items():
            self.latencies[side] = histograms.merge(known, other.latencies[side])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON data, for the store."""
        return {
            "counts": dict(self.counts),
            "found": {what: vars(one) for what, one in self.found.items()},
            "asked_twice": self.asked_twice,
            "noise": dict(self.noise),
            "latencies": {
                side: histograms.as_dict(known) for side, known in self.latencies.items()
            },
            "batches": self.batches,
        }

    def note_batch(self, batch: str) -> None:
        """Note that a batch has been added."""
        self.batches = [*self.batches, batch][-MAX_BATCHES:]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], bounds: EvidenceOptions = DEFAULT_BOUNDS) -> Self:
        """Return the evidence that ``as_dict`` has written."""
        return cls(
            Counter(data["counts"]),
            {what: Found(**one) for what, one in data["found"].items()},
            data["asked_twice"],
            Counter(data["noise"]),
            {side: histograms.from_dict(data["latencies"][side]) for side in ("old", "new")},
            data.get("batches", []),  # none before there were batches
            bounds,
        )


def noise_key(place: str, kind: str) -> str:
    """Return what identifies a place among those with noise, as in ``compare.noise``."""
    return f"{starred(place)} {kind if Kind(kind) in OWN_NOISE else ''}".strip()


def starred(place: str) -> str:
    """Return a place with ``*`` for each index of an array."""
    return INDEX.sub("*", place) if place.startswith("body") else place


def scaled(part: int, whole: int) -> tuple[int, int]:
    """Return two counts of about the same ratio, small enough for an exact test."""
    if whole <= MAX_SAMPLE:
        return part, whole
    return max(1, round(part * MAX_SAMPLE / whole)) if part else 0, MAX_SAMPLE
