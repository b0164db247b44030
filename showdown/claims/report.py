"""Verdicts in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from showdown.bench.svg import short
from showdown.claims.results import full_name

SIGNS = {"holds": "green", "does not hold": "red", "depends": "yellow", "not measured": "dim"}


def print_verdicts(document: Mapping[str, Any], console: Console) -> None:
    """Print each claim with its verdict and its conditions."""
    for claim in document["claims"]:
        colour = SIGNS[claim["verdict"]]
        console.print(
            f"\n[bold {colour}]{claim['verdict'].upper()}[/]  [bold]{escape(claim['name'])}[/]"
        )
        for line in lines_of(claim):
            console.print(f"  {line}", highlight=False, markup=False)


def lines_of(claim: Mapping[str, Any]) -> list[str]:
    """Return what follows the verdict."""
    return [
        f"“{claim['quote']}”",
        claim["rule"],
        *(f"On {database}: {verdict}" for database, verdict in claim["databases"].items()),
        *claim["left_out"],
        *(describe(condition) for condition in claim["conditions"]),
        f"See {claim['link']}" if claim["link"] else f"Repeat: {claim['command']}",
    ]


def describe(condition: Mapping[str, Any]) -> str:
    """Format one condition with its interval and its threshold."""
    low, high = map(short, condition["interval"] or spread(condition["values"]))
    interval = low if low == high else f"{low}-{high}"
    return (
        f"- {condition['state']:<9} {full_name(condition)}: {interval} {condition['unit']}"
        f" (threshold {condition['at_least']:g})"
    )


def spread(values: list[float]) -> tuple[float, float]:
    """Return the smallest and the largest value, which stand for a missing interval."""
    return min(values), max(values)
