"""A result of `python -m showdown bench` as an SVG chart."""

from itertools import groupby
from typing import Any

from showdown.bench.samples import FIGURES, column, from_documents
from showdown.bench.svg import Panel, Row, draw
from showdown.bench.workloads import WORKLOADS

CHARTED = ("rate", "p95")


def draw_chart(document: dict[str, Any], *, style: bool = True) -> str:
    """Return a chart with a panel for each workload, number of connections and figure."""
    cases = sorted(document["cases"], key=_group)
    panels = []
    for (workload, connections), group in groupby(cases, key=_group):
        rows = [(case["title"], from_documents(case["samples"])) for case in group]
        for figure in CHARTED:
            panels.append(
                Panel(
                    f"{WORKLOADS[workload].title}, {connections} connections: {FIGURES[figure]}",
                    "ms" if figure == "p95" else "",
                    [Row(title, column(samples, figure)) for title, samples in rows],
                )
            )
    manifest = document["manifest"]
    title = f"Requests per second and latencies, {manifest['created']}, commit {manifest['commit']}"
    return draw(title, panels, style=style)


def _group(case: dict[str, Any]) -> tuple[str, int]:
    return case["workload"], case["connections"]
