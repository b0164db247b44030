"""The frameworks side by side: the targets and workloads that an invocation chooses."""

from pathlib import Path

import click

from showdown.bench import report, results
from showdown.bench.chart import draw_chart
from showdown.bench.load import require_wrk
from showdown.bench.manifest import describe_run
from showdown.bench.measure import Case, Plan, databases, measure_all
from showdown.bench.targets import SERVERS, TARGETS, why_left_out, with_threads
from showdown.bench.workloads import WORKLOADS

# SQLite has one writer at a time; more of them would only wait.
SQLITE_WRITERS = 8


def make_plan(
    targets: tuple[str, ...],
    workloads: tuple[str, ...],
    connections: tuple[int, ...],
    rounds: int,
    seconds: int,
    *,
    threads: int,
    sqlite: bool,
) -> tuple[Plan, dict[str, str]]:
    """Return the cases that can be measured, and by server why the others are left out."""
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
        and (TARGETS[target].has_staff or not WORKLOADS[workload].staff)
    }
    if not cases:
        raise click.ClickException("There is nothing to measure: " + "; ".join(left_out.values()))
    servers = {name: with_threads(server, threads) for name, server in SERVERS.items()}
    return Plan(list(cases), servers, rounds, seconds), left_out


def limit(workload: str, connections: int, sqlite: bool) -> int:
    """Return how many connections send requests at once."""
    if WORKLOADS[workload].after_change:
        return 1
    return min(connections, SQLITE_WRITERS) if sqlite and workload == "create" else connections


def run_plan(
    plan: Plan,
    left_out: dict[str, str],
    database: str | None,
    yes: bool,
    json_file: Path | None,
    chart: Path | None,
) -> None:
    """Measure the cases, print the figures and write the requested files."""
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


def check_connections(plan: Plan, free: int | None) -> None:
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
