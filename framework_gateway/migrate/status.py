"""The state and the evidence of a move as JSON data, for commands, pages and reports."""

from collections.abc import Mapping
from typing import Any

from framework_gateway.migrate.bounds import Ready
from framework_gateway.migrate.evidence import RouteEvidence
from framework_gateway.migrate.rollout import most_specific
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.verdicts import report


def status(
    path: str, state: MoveState, evidence: Mapping[str, RouteEvidence], ready: Ready
) -> dict[str, Any]:
    """Return what people want to know about a move.

    Args:
        path: the prefix.
        state: the shared state.
        evidence: the shared evidence, by route.
        ready: when a route is ready.
    """
    return {
        "move": path or "/",
        "rules": [rule.model_dump(mode="json") for rule in state.rules.values()],
        "held": [*state.held],
        "trips": {route: trip.model_dump() for route, trip in state.trips.items()},
        "history": [entry.model_dump() for entry in state.history],
        "routes": {
            route: {**stage_of(route, state), **report(one, ready)}
            for route, one in sorted(evidence.items())
        },
    }


def stage_of(route: str, state: MoveState) -> dict[str, Any]:
    """Return the stage of a route, and whether a breaker has taken it back."""
    method, _, template = route.partition(" ")
    rule = most_specific(state.rules.values(), method, template)
    trip = state.trips.get(route)
    return {
        "rule": rule.key,
        "stage": str(rule.stage),
        "percent": rule.percent,
        "back": None if trip is None else trip.reason,
    }
