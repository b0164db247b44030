"""The tables of a result: the terminal and the docs have the same, from the JSON document."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from showdown.bench.rules import MISSED, REACHED, Rule
from showdown.bench.samples import FIGURES, Sample, column, from_documents, ratios, spread
from showdown.bench.workloads import ADMIN_WORKLOADS, WORKLOADS

Document = Mapping[str, Any]
DIGITS = {"rate": 0, "cpu": 0, "memory": 0}  # of figures other than latencies
COLOURS = {REACHED: "green", MISSED: "red"}
SYSTEMS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
FRAMEWORKS = {"/flask": "Flask", "/fastapi": "FastAPI", "/django": "Django"}


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def print_grid(grid: Grid, console: Console) -> None:
    """Print a table to the terminal."""
    table = Table(*grid.columns, title=grid.title)
    for row in grid.rows:
        cells = [f"[{COLOURS[cell]}]{cell}" if cell in COLOURS else cell for cell in row]
        table.add_row(*cells)
    console.print(table)


def as_markdown(grid: Grid) -> str:
    """Return a table for the docs."""
    rows = [[f"**{cell}**" if cell == MISSED else cell for cell in row] for row in grid.rows]
    lines = [grid.columns, ["---"] * len(grid.columns), *rows]
    return f"{grid.title}:\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def samples_of(document: Document) -> dict[str, list[Sample]]:
    """Return the samples of a suite, by the name of the target."""
    return {case["target"]: from_documents(case["samples"]) for case in document["cases"]}


def cell(samples: Sequence[Sample], figure: str) -> str:
    """Return the median of a figure, with its extremes."""
    return spread(column(samples, figure), DIGITS.get(figure, 1))


def figures(document: Document) -> Iterator[Grid]:
    """Yield a row for each case."""
    shown = ("rate", "cpu", "p50", "p95")
    rows = []
    for name, samples in samples_of(document).items():
        failed = max(column(samples, "failed"))
        cells = [cell(samples, figure) for figure in shown]
        rows.append([name, *cells, f"{failed:.1%}" if failed else ""])
    columns = ["case", *(FIGURES[figure] for figure in shown), "failed, at most"]
    yield Grid("Medians (smallest-largest)", columns, rows)


def verdicts(document: Document) -> Iterator[Grid]:
    """Yield the table of the rules, if there are any."""
    samples = samples_of(document)
    rows = [verdict(Rule(**rule), samples) for rule in document["rules"]]
    if rows:
        columns = ("figure", "of", "as a part of", "median (smallest-largest)", "aim", "")
        yield Grid("Aims and ratios", columns, rows)


def verdict(rule: Rule, samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    """Return the row of a rule."""
    values = rule.values(samples)
    digits = 2 if rule.other else 1
    return [
        FIGURES[rule.figure],
        rule.case,
        rule.other or "",
        spread(values, digits),
        rule.bound,
        rule.verdict(values),
    ]


def growth(document: Document) -> Iterator[Grid]:
    """Yield how the time of one request grows with the number of users."""
    cases = {
        (*server_of(case), case["workload"], case["prefix"]): from_documents(case["samples"])
        for case in document["cases"]
    }
    sizes = sorted({size for _, size, _, _ in cases})
    first, last = sizes[0], sizes[-1]
    rows = []
    for system, size, workload, prefix in cases:
        if size != first:
            continue
        of_size = {size: cases[system, size, workload, prefix] for size in sizes}
        rows.append(
            [
                SYSTEMS[system],
                workload,
                FRAMEWORKS[prefix],
                *(cell(of_size[size], "p50") for size in sizes),
                cell(of_size[last], "p95"),
                spread(ratios(of_size[last], of_size[first], "p50"), 1),
                cell(of_size[last], "cpu"),
            ]
        )
    times = [f"p50 ms, {size:,} users" for size in sizes]
    at_last = f"{last:,} users"
    columns = ["database", "workload", "framework", *times, f"p95 ms, {at_last}", "growth of p50"]
    yield Grid("One connection", [*columns, f"{FIGURES['cpu']}, {at_last}"], rows)


def server_of(case: Mapping[str, Any]) -> tuple[str, int]:
    """Return the database system and the number of users of a case on its own database."""
    system, _, size = case["server"].partition("-")
    return system, int(size)


def by_target(document: Document) -> Iterator[Grid]:
    """Yield a table for each figure: a row for each workload, a column for each target."""
    titles = {case["target"]: case["title"] for case in document["cases"]}
    groups: dict[tuple[str, int], dict[str, list[Sample]]] = {}
    for case in document["cases"]:
        group = groups.setdefault((case["workload"], case["connections"]), {})
        group[case["target"]] = from_documents(case["samples"])
    for figure in ("rate", "cpu", "p95"):
        rows = [
            [
                f"{title_of(workload)}, {connections}",
                *(cell(group[name], figure) if name in group else "" for name in titles),
            ]
            for (workload, connections), group in groups.items()
        ]
        columns = ["workload, connections", *titles.values()]
        yield Grid(FIGURES[figure], columns, rows)


def title_of(workload: str) -> str:
    """Return what a workload does."""
    return {**WORKLOADS, **ADMIN_WORKLOADS}[workload].title


GRIDS: dict[str, Sequence[Callable[[Document], Iterator[Grid]]]] = {
    "frameworks": [by_target],
    "scale": [growth, verdicts],
}


def grids_of(document: Document) -> Iterator[Grid]:
    """Yield the tables of a result."""
    for make in GRIDS.get(document.get("suite", "frameworks"), [figures, verdicts]):
        yield from make(document)
