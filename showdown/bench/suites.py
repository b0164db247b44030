"""Suites: cases that are measured together, and the rules that their figures should meet."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from showdown.bench.databases import Databases
from showdown.bench.load import require_wrk
from showdown.bench.manifest import describe_run
from showdown.bench.measure import Case, Plan, databases, measure_all
from showdown.bench.report import new_console, print_manifest, show_progress
from showdown.bench.results import as_document
from showdown.bench.rules import Rule
from showdown.bench.tables import grids_of, print_grid
from showdown.bench.targets import Server, why_left_out

Notify = Callable[[str], None]
Provider = Callable[[Notify], AbstractContextManager[tuple[Databases, Path]]]


@dataclass(frozen=True)
class Suite:
    """What one run measures.

    Attributes:
        rules: about the cases, by the names of their targets.
        databases: provides the databases and a directory; called with a function that shows what
            is being done.
        starts_anew: whether each round starts all servers anew.
        warm_up: the length of each measurement that does not count, in seconds.
        left_out: by server, why it is not measured.
    """

    name: str
    cases: Sequence[Case]
    servers: Mapping[str, Server]
    rules: Sequence[Rule] = ()
    databases: Provider = lambda _notify: databases()
    starts_anew: bool = True
    warm_up: int = 3  # a process serves its first few thousand requests more slowly
    left_out: Mapping[str, str] = field(default_factory=dict)

    def plan(self, rounds: int, seconds: int) -> Plan:
        """Return how to measure it."""
        starts, rounds = (rounds, 1) if self.starts_anew else (1, rounds)
        return Plan(self.cases, self.servers, rounds, seconds, starts, self.warm_up)


def measure_suite(suite: Suite, rounds: int, seconds: int) -> dict[str, Any]:
    """Measure all cases; print the figures and the rules, and return the result as a document."""
    require_wrk()
    plan = suite.plan(rounds, seconds)
    for server in plan.used.values():
        if reason := why_left_out(server):
            raise click.ClickException(reason)
    with (
        show_progress(plan.steps) as notify,
        suite.databases(notify.say) as (found, directory),
    ):
        manifest = describe_run(plan, found, suite.left_out)
        samples = measure_all(plan, found, directory, notify)
    document = as_document(samples, manifest, suite.name, suite.rules)
    show(document)
    return document


def show(document: Mapping[str, Any]) -> None:
    """Print the tables of a result, and what its figures depend on."""
    console = new_console()
    for grid in grids_of(document):
        print_grid(grid, console)
    print_manifest(document["manifest"], console)
