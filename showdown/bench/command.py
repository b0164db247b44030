"""The `python -m showdown bench` command."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from showdown.bench.signals import terminable
from showdown.bench.targets import (
    MAIN_TARGETS,
    SERVERS,
    TARGETS,
    THREADS,
    why_left_out,
    with_threads,
)
from showdown.bench.workloads import WORKLOADS

if TYPE_CHECKING:
    from showdown.bench.measure import Plan

CONNECTIONS = (8, 64, 512)
QUICK_WORKLOADS = ("hello", "users", "create", "wait")
QUICK_CONNECTIONS = (64,)
# SQLite has one writer at a time, and no queue for the others.
SQLITE_WRITERS = 8

FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.option(
    "--quick", is_flag=True, help="Six targets, 64 connections; takes less than two minutes."
)
@click.option(
    "--rounds", type=click.IntRange(1, 100), help="Number of measured rounds.  [5; quick: 2]"
)
@click.option(
    "--seconds", type=click.IntRange(1, 60), help="Length of one measurement.  [2; quick: 1]"
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
    type=click.IntRange(1, 1000),
    help="Number of connections; repeatable.  [8, 64, 512]",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    default=THREADS,
    show_default=True,
    help="Size of each server's thread and database pools.",
)
@click.option("--database", metavar="URL", help="Use a PostgreSQL database on this machine.")
@click.option("--yes", is_flag=True, help="Allow a --database that already has users.")
@click.option(
    "--json", "json_file", type=FILE, help="Write the results and their manifest to FILE."
)
@click.option("--chart", type=FILE, help="Write an SVG chart to FILE.")
@click.option("--compare", nargs=2, type=EXISTING, metavar="OLD NEW", help="Compare two results.")
@click.option(
    "--suite",
    type=click.Choice(["frameworks", "bridge", "layers", "proxy"]),
    default="frameworks",
    show_default=True,
    help="What to measure: the frameworks, or the cost of the bridge, the layers, other addresses.",
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
) -> None:
    """Measure Flask, FastAPI and Django, each on servers of its own.

    Every server runs on a free loopback port. Each round measures every target once with every
    workload and number of connections. With 256 or more connections, a measurement takes twice
    as long. SQLite has one writer at a time, so with SQLite at most 8 connections create users.
    """
    if compare:
        return compare_files(*compare)
    if suite != "frameworks":
        if quick or targets or workloads or connections or database or json_file or chart:
            raise click.UsageError(f"--suite {suite} takes only --rounds and --seconds")
        from showdown.bench.bridge import measure_bridge
        from showdown.bench.layers import measure_layers
        from showdown.bench.proxies import measure_proxies

        suites = {"bridge": measure_bridge, "layers": measure_layers, "proxy": measure_proxies}
        suites[suite](rounds or 7, seconds or 2)
        return
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


def make_plan(
    targets: tuple[str, ...],
    workloads: tuple[str, ...],
    connections: tuple[int, ...],
    rounds: int,
    seconds: int,
    *,
    threads: int,
    sqlite: bool,
) -> tuple["Plan", dict[str, str]]:
    """Return the cases that can be measured, and by server why the others are left out."""
    from showdown.bench.measure import Case, Plan

    left_out = {
        name: reason
        for name in {TARGETS[target].server: None for target in targets}
        if (reason := why_left_out(SERVERS[name]))
    }
    cases = {
        Case(TARGETS[target], WORKLOADS[workload], limit(workload, number, sqlite)): None
        for workload in workloads
        for number in connections
        for target in targets
        if TARGETS[target].server not in left_out
    }
    if not cases:
        raise click.ClickException("There is nothing to measure: " + "; ".join(left_out.values()))
    servers = {name: with_threads(server, threads) for name, server in SERVERS.items()}
    return Plan(list(cases), servers, rounds, seconds), left_out


def limit(workload: str, connections: int, sqlite: bool) -> int:
    """Return how many connections send requests at once."""
    return min(connections, SQLITE_WRITERS) if sqlite and workload == "create" else connections


def run_plan(
    plan: "Plan",
    left_out: dict[str, str],
    database: str | None,
    yes: bool,
    json_file: Path | None,
    chart: Path | None,
) -> None:
    """Measure the cases, print the figures and write the requested files."""
    from showdown.bench import report, results
    from showdown.bench.chart import draw_chart
    from showdown.bench.load import require_wrk
    from showdown.bench.manifest import describe_run
    from showdown.bench.measure import databases, measure_all

    require_wrk()
    console = report.new_console()
    with databases(database, yes) as (found, directory):
        check_connections(plan, getattr(found, "free_connections", None))
        manifest = describe_run(plan, found, left_out)
        with report.show_progress(plan.steps) as notify:
            samples = measure_all(plan, found, directory, notify)
    report.print_samples(samples, console)
    report.print_manifest(manifest, console)
    document = results.as_document(samples, manifest)
    if json_file:
        results.save(document, json_file)
    if chart:
        chart.write_text(draw_chart(document))


def check_connections(plan: "Plan", free: int | None) -> None:
    """Raise ClickException if PostgreSQL allows fewer connections than the pools may open."""
    if free is None:
        return
    pools = sum(server.threads * server.pools for server in plan.used.values())
    at_once = [c.connections for c in plan.cases if not plan.servers[c.target.server].pools]
    needed = pools + max(at_once, default=0)
    if needed > free:
        raise click.ClickException(
            f"These servers may open {needed} database connections, but PostgreSQL allows {free};"
            " raise its max_connections, or measure fewer servers with --target or --threads."
        )


def compare_files(old: Path, new: Path) -> None:
    """Print what changed between two results."""
    from showdown.bench.report import new_console, print_comparison
    from showdown.bench.results import load

    print_comparison(load(old), load(new), new_console())
