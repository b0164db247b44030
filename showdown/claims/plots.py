"""One claim's figures as SVG."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from showdown.bench.svg import Panel, Row, draw
from showdown.claims.results import full_name


def draw_claim(claim: Mapping[str, Any], *, style: bool = False) -> str:
    """Return a plot of the conditions of one claim, or an empty string if there are none.

    Each condition is a row with the class ``plot-holds``, ``plot-fails`` or ``plot-undecided``: its
    confidence interval as a line, its median as a dot, and the threshold as a dashed line.

    Args:
        claim: an element of ``load_latest()["claims"]``.
        style: include a style sheet, for a stand-alone file.
    """
    if not claim["conditions"]:
        return ""
    panels = []
    for (unit, threshold), group in groupby(sorted(claim["conditions"], key=_axis), key=_axis):
        rows = [Row(full_name(item), drawn(item), item["state"]) for item in group]
        heading = f"the claim holds from {threshold:g} {unit} upwards"
        panels.append(Panel(heading, unit, rows, threshold))
    return draw(f"{claim['name']}: {claim['verdict']}", panels, style=style)


def drawn(condition: Mapping[str, Any]) -> list[float]:
    """Return values with the same median, whose ends are those of the interval.

    With too few rounds for an interval, these are the values themselves.
    """
    interval = condition["interval"]
    return [interval[0], condition["median"], interval[1]] if interval else condition["values"]


def _axis(condition: Mapping[str, Any]) -> tuple[str, float]:
    return condition["unit"], condition["at_least"]
