"""Prometheus metrics of the moves."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from framework_gateway.observability.observed import framework_of

if TYPE_CHECKING:
    from framework_gateway.observability.metrics import Metrics

MAX_SERIES = 2000  # label sets; further ones have the route "other"
OTHER = "other"
ANSWER_LABELS = ("move", "route", "side", "outcome")
SHADOW_LABELS = ("move", "route", "result")


class Measured(Protocol):
    """What the metrics read of a move."""

    @property
    def path(self) -> str: ...

    @property
    def waiting(self) -> int: ...

    @property
    def running_shadows(self) -> int: ...

    @property
    def memory(self) -> int: ...

    @property
    def trips(self) -> int: ...

    @property
    def store_is_up(self) -> bool: ...


class MoveMetrics:
    """Counts what happens to the requests of all moves.

    Args:
        metrics: those of the gateway, to which these belong.
    """

    def __init__(self, metrics: "Metrics") -> None:
        counter, gauge = metrics.counter, metrics.gauge
        self._answers = counter(
            "move_answers", "Answers of an application of a move to clients.", ANSWER_LABELS
        )
        self._shadows = counter(
            "move_shadows", "Requests that should have a shadow, by result.", SHADOW_LABELS
        )
        self._fallbacks = counter(
            "move_fallbacks",
            "Answers of the old application in place of the new one.",
            ("move", "route"),
        )
        self._differences = counter(
            "move_differences",
            "Comparisons in which the applications differ, by the type of the difference.",
            ("move", "route", "difference"),
        )
        self._seconds = metrics.histogram(
            "move_answer_duration_seconds",
            "Seconds until the head of a successful answer, to a client or to a shadow.",
            ("move", "route", "side"),
        )
        self._gauges = {
            "waiting": gauge("move_shadows_waiting", "Shadows in the queue.", ["move"]),
            "running_shadows": gauge("move_shadows_running", "Shadows that run.", ["move"]),
            "memory": gauge("move_shadow_bytes", "Bytes kept for shadows.", ["move"]),
        }
        self._trips = gauge(
            "move_routes_back", "Routes that a breaker has taken back.", ["move"], "livemax"
        )
        self._store = gauge(
            "move_store_up", "1 if the store of the moves answers.", ["move"], "livemin"
        )
        self._series: set[tuple[str, ...]] = set()

    def count_answer(self, move: str, route: str, side: str, outcome: str) -> None:
        """Count an answer."""
        self._answers.labels(*self._limit("answer", move, route, side, outcome)).inc()

    def count_shadow(self, move: str, route: str, result: str) -> None:
        """Count a shadow, or a request without one."""
        self._shadows.labels(*self._limit("shadow", move, route, result)).inc()

    def count_fallback(self, move: str, route: str) -> None:
        """Count a fallback."""
        self._fallbacks.labels(*self._limit("fallback", move, route)).inc()

    def count_differences(self, move: str, route: str, kinds: Iterable[str]) -> None:
        """Count a comparison in which the applications differ, once for each type."""
        for kind in kinds:
            self._differences.labels(*self._limit("difference", move, route, kind)).inc()

    def observe(self, move: str, route: str, side: str, seconds: float) -> None:
        """Count how long an application took to answer."""
        self._seconds.labels(*self._limit("seconds", move, route, side)).observe(seconds)

    def _limit(self, kind: str, move: str, route: str, *rest: str) -> tuple[str, ...]:
        """Return labels; limit the number of their sets."""
        labels = (framework_of(move or "/"), route, *rest)
        if (kind, *labels) not in self._series:
            if len(self._series) >= MAX_SERIES:
                return framework_of(move or "/"), OTHER, *rest
            self._series.add((kind, *labels))
        return labels

    def update(self, moves: Sequence[Measured]) -> None:
        """Update the metrics of the current state."""
        for move in moves:
            label = framework_of(move.path or "/")
            for name, gauge in self._gauges.items():
                gauge.labels(label).set(getattr(move, name))
            self._trips.labels(label).set(move.trips)
            self._store.labels(label).set(float(move.store_is_up))
