"""Results as tables in the terminal."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from showdown.bench.measure import Case, Samples
from showdown.bench.results import compare
from showdown.bench.samples import FIGURES, column, ratios, spread

COMPARED = ("rate", "cpu", "p95")


class Notifier:
    """A progress bar as a function: call it with the name of the next step."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self.progress = progress
        self.task = progress.add_task("starting servers", total=steps)
        self.started = False

    def __call__(self, name: str) -> None:
        self.progress.update(self.task, description=name, advance=1 if self.started else 0)
        self.started = True

    def say(self, name: str) -> None:
        """Show a message that is not a step."""
        self.progress.update(self.task, description=name)


def new_console() -> Console:
    """Return a console that is wide enough for the tables if no terminal sets a width."""
    console = Console()
    return console if console.is_terminal else Console(width=150)


@contextmanager
def show_progress(steps: int) -> Iterator[Notifier]:
    """Show on stderr what is being measured and the remaining time."""
    columns = (
        # Titles may have brackets, as in uvicorn[standard].
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as progress:
        yield Notifier(progress, steps)


def print_samples(samples: Samples, console: Console) -> None:
    """Print a table for each workload and number of connections."""
    ordered = sorted(samples, key=_group)
    for (workload, connections), group in groupby(ordered, key=_group):
        cases = list(group)
        table = Table(
            Column("target", no_wrap=True),
            *FIGURES.values(),
            f"requests/s to {cases[0].target.title}",
            title=f"{workload}, {connections} connections: medians (min-max)",
        )
        for case in cases:
            rows = samples[case]
            relative = ratios(rows, samples[cases[0]], "rate")
            cells = [_cell(column(rows, figure), figure) for figure in FIGURES]
            table.add_row(case.target.title, *cells, spread(relative, 2))
        console.print(table)


def _group(case: Case) -> tuple[str, int]:
    return case.workload.name, case.connections


def _cell(values: list[float], figure: str) -> str:
    if figure == "memory":
        return f"{max(values) / 2**20:.0f}"
    return spread(values, 1 if figure.startswith("p") else 0)


def print_manifest(manifest: dict[str, Any], console: Console) -> None:
    """Print what the figures depend on, in a few lines."""
    machine, load = manifest["machine"], manifest["load"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average'][0]}"
        f" before; {manifest['database']}; commit {manifest['commit']};"
        f" {load['rounds'] * load['starts']} rounds of {load['seconds']} s.",
        highlight=False,
    )
    for name, reason in manifest["left_out"].items():
        console.print(f"Left out: {name}: {reason}", highlight=False, markup=False)


def print_comparison(old: dict[str, Any], new: dict[str, Any], console: Console) -> None:
    """Print the changes between two runs, and which of them may be noise."""
    if not compare(old, new, "rate"):
        raise click.ClickException("these results have no case in common")
    for figure in COMPARED:
        table = Table(
            "target", "workload", "connections", "old", "new", "new / old", "",
            title=f"{FIGURES[figure]}: medians (min-max)",
        )  # fmt: skip
        for change in compare(old, new, figure):
            before, after = statistics.median(change.old), statistics.median(change.new)
            ratio = f"{after / before:.2f}" if before else "—"
            digits = 1 if figure == "p95" else 0
            target, workload, connections = change.key
            old_cell, new_cell = spread(change.old, digits), spread(change.new, digits)
            table.add_row(
                target, workload, str(connections), old_cell, new_cell, ratio, change.verdict,
            )  # fmt: skip
        console.print(table)
