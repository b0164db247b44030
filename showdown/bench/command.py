"""The `python -m showdown bench` command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from framework_gateway.cli.commands import Command
from framework_gateway.cli.types import Number
from showdown.bench.files import new_file
from showdown.bench.signals import terminable
from showdown.bench.targets import MAIN_TARGETS, TARGETS, THREADS
from showdown.bench.workloads import WORKLOADS

CONNECTIONS = (8, 64, 512)
QUICK_WORKLOADS = ("hello", "users", "create", "wait")
QUICK_CONNECTIONS = (64,)
SUITES = [
    *("frameworks", "bridge", "layers", "moves", "pages", "proxy"),
    *("scale", "writers", "workers"),
]

EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


EXAMPLES = """
python -m showdown bench --quick
python -m showdown bench --target flask-gunicorn --target fastapi-uvicorn --workload users
python -m showdown bench --suite bridge --report bridge.json
python -m showdown bench --compare old.json new.json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.option(
    "--quick", is_flag=True, help="Six targets, 64 connections; takes less than two minutes."
)
@click.option(
    "--rounds", type=Number(1, 100), metavar="N", help="Number of measured rounds.  [5; quick: 2]"
)
@click.option(
    "--seconds", type=Number(1, 60), metavar="N", help="Length of one measurement.  [2; quick: 1]"
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Choice(list(TARGETS)),
    help="Measure only this target; repeatable.",
)
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=click.Choice(list(WORKLOADS)),
    help="Measure only this workload; repeatable.",
)
@click.option(
    "--connections",
    multiple=True,
    type=Number(1, 1000),
    metavar="N",
    help="Number of connections; repeatable.  [8, 64, 512]",
)
@click.option(
    "--threads",
    type=Number(1, 1024),
    metavar="N",
    default=THREADS,
    show_default=True,
    help="Size of each server's thread and database pools.",
)
@click.option("--database", metavar="URL", help="Use a PostgreSQL database on this machine.")
@click.option("--yes", is_flag=True, help="Allow a --database that already has users.")
@new_file(
    "--report", "json_file", ending=".json", help="Also write the results and their manifest."
)
@new_file("--chart", ending=".svg", help="Also write a chart, as SVG.")
@click.option("--compare", nargs=2, type=EXISTING, metavar="OLD NEW", help="Compare two results.")
@click.option(
    "--suite",
    type=click.Choice(SUITES),
    default="frameworks",
    show_default=True,
    help="What to measure: the frameworks, the cost of the bridge, of its layers or of other"
    " addresses, a move, the pages, large tables, many writers, or two worker processes.",
)
@click.option(
    "--users",
    multiple=True,
    type=Number(100, 10_000_000),
    metavar="N",
    help="Number of users for --suite scale; repeatable.  [1000, 100000, 1000000]",
)
@terminable()
def bench(
    quick: bool,
    rounds: int | None,
    seconds: int | None,
    targets: tuple[str, ...],
    workloads: tuple[str, ...],
    connections: tuple[int, ...],
    threads: int,
    database: str | None,
    yes: bool,
    json_file: Path | None,
    chart: Path | None,
    compare: tuple[Path, Path] | None,
    suite: str,
    users: tuple[int, ...],
) -> None:
    """Measure Flask, FastAPI and Django, each on servers of its own.

    Every server runs on a free loopback port. Each round measures every target once with every
    workload and number of connections. With 256 or more connections, a measurement takes twice
    as long. SQLite has one writer at a time, so with SQLite at most 8 connections create users.
    """
    if compare:
        return compare_files(*compare)
    if users and suite != "scale":
        raise click.UsageError("--users is for --suite scale")
    if suite != "frameworks":
        if quick or targets or workloads or connections or database or chart:
            raise click.UsageError(f"--suite {suite} takes only --rounds, --seconds and --report")
        return run_suite(suite, rounds, seconds, users, json_file)
    from showdown.bench.frameworks import make_plan, run_plan

    if quick:
        targets = targets or MAIN_TARGETS
        workloads = workloads or QUICK_WORKLOADS
        connections = connections or QUICK_CONNECTIONS
    plan, left_out = make_plan(
        targets or tuple(TARGETS),
        workloads or tuple(WORKLOADS),
        connections or CONNECTIONS,
        rounds or (2 if quick else 5),
        seconds or (1 if quick else 2),
        threads=threads,
        sqlite=database is None,
    )
    run_plan(plan, left_out, database, yes, json_file, chart)


def run_suite(
    suite: str,
    rounds: int | None,
    seconds: int | None,
    users: tuple[int, ...],
    json_file: Path | None,
) -> None:
    """Measure a suite other than the frameworks, and write the requested file."""
    from showdown.bench import results

    usual_rounds, usual_seconds = (
        (7, 2) if suite in ("bridge", "layers", "moves", "proxy") else (5, 1)
    )
    measure = find_suite(suite, users)
    document = measure(rounds or usual_rounds, seconds or usual_seconds)
    if json_file:
        results.save(document, json_file)


def find_suite(suite: str, users: tuple[int, ...]) -> Callable[[int, int], dict[str, Any]]:
    """Return the function that measures a suite: a number of rounds, each so many seconds."""
    from functools import partial

    from showdown.bench import bridge, layers, moves, pages, proxies, scale, workers, writers
    from showdown.bench.suites import measure_suite

    functions: dict[str, Callable[[int, int], dict[str, Any]]] = {
        "bridge": partial(measure_suite, bridge.SUITE),
        "layers": layers.measure_layers,
        "moves": partial(measure_suite, moves.SUITE),
        "pages": partial(measure_suite, pages.SUITE),
        "proxy": proxies.measure_proxies,
        "scale": partial(scale.measure_scale, sizes=users or scale.USERS),
        "writers": writers.measure_writers,
        "workers": partial(measure_suite, workers.SUITE),
    }
    return functions[suite]


def compare_files(old: Path, new: Path) -> None:
    """Print what changed between two results."""
    from showdown.bench.report import new_console, print_comparison
    from showdown.bench.results import load

    print_comparison(load(old), load(new), new_console())
