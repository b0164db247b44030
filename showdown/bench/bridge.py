"""The cost of the bridge, compared with other ways to serve the same WSGI applications."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click
from rich.table import Table

from showdown.bench.load import require_wrk
from showdown.bench.measure import Case, Plan, Samples, databases, measure_all
from showdown.bench.report import new_console, show_progress
from showdown.bench.samples import Sample, column, ratios, spread
from showdown.bench.targets import (
    APPS,
    SERVERS,
    THREADS,
    UVICORN,
    Server,
    Target,
    why_left_out,
    with_threads,
)
from showdown.bench.workloads import WORKLOADS

CONNECTIONS = 32
WAITING = 256
WARM_UP = 3  # seconds; a process serves its first few thousand requests more slowly
STUCK = "/flask/api/wait?ms=10000"
BUSY = "/busy/"  # computes without a pause
FEW = 2  # connections; more would measure how the load and the computation share the cores
SERVE = (
    "gateway serve --port {port} --only-mounts --mount /flask=flask_app:create_app"
    " --mount /django=django_app.wsgi:application"
)
WITH_BUSY = (
    "gateway serve --port {port} --only-mounts --mount /fastapi=fastapi_app.main:app"
    f" --mount /busy={APPS}.busy:app"
)

BRIDGE_SERVERS = {
    "bridge": Server(f"{UVICORN} --factory {APPS}.adapters:bridge"),
    "inline": Server(f"{UVICORN} --factory {APPS}.adapters:inline"),
    "a2wsgi": SERVERS["a2wsgi"],
    "asgiref": Server(f"{UVICORN} --factory {APPS}.adapters:asgiref"),
    "gunicorn": SERVERS["flask-gunicorn"],
    "waitress": Server(
        f"waitress-serve --threads {THREADS} --listen 127.0.0.1:{{port}}"
        " --call flask_app:create_app"
    ),
    "granian": SERVERS["flask-granian"],
    "gateway": SERVERS["gateway"],
    "fastapi": SERVERS["fastapi-uvicorn"],
    "observed": Server(f"python -m {APPS}.gateways observed {{port}}", pools=3),
    "unobserved": Server(f"python -m {APPS}.gateways unobserved {{port}}", pools=3),
    "serve": Server(SERVE, pools=2),
    "isolated": Server(f"{SERVE} --isolate /flask --isolate /django", pools=2),
    "busy": Server(WITH_BUSY),
    "busy-isolated": Server(f"{WITH_BUSY} --isolate /busy"),
    "waiting": with_threads(SERVERS["gateway"], WAITING),
}


def bridge_case(framework: str, server: str, *, mounted: bool, stuck: str | None = None) -> Case:
    """A case of greetings from one framework on one server."""
    title = f"{framework}, Flask stuck" if stuck else f"{framework}, {server}"
    prefix = f"/{framework.lower()}" if mounted else ""
    target = Target(title, title, server, prefix)
    # On kept-alive connections, asgiref's adapter fails every second request.
    return Case(target, WORKLOADS["hello"], CONNECTIONS, fails=server == "asgiref", stuck=stuck)


def waiting_case(framework: str) -> Case:
    """A case of many concurrent waits in one framework."""
    title = f"{framework}, 50 ms waits"
    return Case(
        Target(title, title, "waiting", f"/{framework.lower()}"), WORKLOADS["wait"], WAITING
    )


def busy_case(title: str, server: str, stuck: str | None = None) -> Case:
    """A case of few requests to FastAPI, next to a mount that computes."""
    target = Target(f"FastAPI, {title}", f"FastAPI, {title}", server, "/fastapi")
    return Case(target, WORKLOADS["hello"], FEW, stuck=stuck)


CASES = [
    *(
        bridge_case(framework, server, mounted=True)
        for framework in ("Flask", "Django")
        for server in ("bridge", "inline", "a2wsgi")
    ),
    bridge_case("Flask", "asgiref", mounted=True),
    *(
        bridge_case("Flask", server, mounted=False)
        for server in ("gunicorn", "waitress", "granian")
    ),
    bridge_case("FastAPI", "gateway", mounted=True),
    bridge_case("FastAPI", "fastapi", mounted=False),
    bridge_case("FastAPI", "observed", mounted=True),
    bridge_case("FastAPI", "unobserved", mounted=True),
    bridge_case("Django", "gateway", mounted=True),
    bridge_case("FastAPI", "gateway", mounted=True, stuck=STUCK),
    bridge_case("Django", "gateway", mounted=True, stuck=STUCK),
    *(
        bridge_case(framework, server, mounted=True)
        for framework in ("Flask", "Django")
        for server in ("serve", "isolated")
    ),
    busy_case("quiet", "busy-isolated"),
    busy_case("busy mount in process", "busy", BUSY),
    busy_case("busy mount isolated", "busy-isolated", BUSY),
    waiting_case("Flask"),
    waiting_case("FastAPI"),
]


@dataclass(frozen=True)
class Rule:
    """The expected bounds of a ratio of two cases."""

    figure: str
    case: str
    other: str
    at_least: float = 0.0
    at_most: float = float("inf")


RULES = [
    *(
        rule
        for framework in ("Flask", "Django")
        for rule in (
            Rule("cpu", f"{framework}, bridge", f"{framework}, inline", at_most=1.15),
            Rule("cpu", f"{framework}, bridge", f"{framework}, a2wsgi", at_most=0.45),
            Rule("rate", f"{framework}, bridge", f"{framework}, a2wsgi", at_least=2.5),
        )
    ),
    Rule("rate", "Flask, bridge", "Flask, gunicorn", at_least=1.0),
    Rule("rate", "Flask, bridge", "Flask, waitress", at_least=1.0),
    Rule("rate", "FastAPI, gateway", "FastAPI, fastapi", at_least=0.9),
    Rule("rate", "FastAPI, observed", "FastAPI, unobserved", at_least=0.9),
    Rule("rate", "FastAPI, Flask stuck", "FastAPI, gateway", at_least=0.9),
    Rule("rate", "Django, Flask stuck", "Django, gateway", at_least=0.9),
    Rule("rate", "Flask, isolated", "Flask, serve", at_least=0.4),
    Rule("p99", "FastAPI, busy mount isolated", "FastAPI, quiet", at_most=1.5),
    Rule("p99", "FastAPI, busy mount in process", "FastAPI, quiet", at_least=1.5),
    Rule("rate", "Flask, 50 ms waits", "FastAPI, 50 ms waits", at_least=0.6),
]


def measure_bridge(rounds: int, seconds: int) -> None:
    """Measure every case, on new servers in each round; print the figures and the rules."""
    measure_suite(CASES, BRIDGE_SERVERS, RULES, rounds, seconds)


def measure_suite(
    cases: Sequence[Case],
    servers: Mapping[str, Server],
    rules: Sequence[Rule],
    rounds: int,
    seconds: int,
) -> Samples:
    """Measure cases, on new servers in each round; print and return the figures."""
    require_wrk()
    for server in servers.values():
        if reason := why_left_out(server):
            raise click.ClickException(reason)
    plan = Plan(cases, servers, 1, seconds, starts=rounds, warm_up=WARM_UP)
    with databases() as (found, directory), show_progress(plan.steps) as notify:
        samples = measure_all(plan, found, directory, notify)
    print_suite(samples, rules)
    return samples


def print_suite(samples: Samples, rules: Sequence[Rule]) -> None:
    """Print every figure, then the ratios with their expected bounds."""
    console = new_console()
    rows_by_name = {case.target.name: rows for case, rows in samples.items()}
    columns = ("case", "CPU µs per request", "requests per second", "failed")
    figures = Table(*columns, title="Medians (min-max)")
    for name, rows in rows_by_name.items():
        failed = statistics.median(column(rows, "failed"))
        figures.add_row(
            name,
            spread(column(rows, "cpu")),
            spread(column(rows, "rate")),
            f"{failed:.0%}" if failed else "",
        )
    console.print(figures)
    table = Table("figure", "ratio of", "to", "median (min-max)", "meant", "", title="Ratios")
    for rule in rules:
        table.add_row(*rule_cells(rule, rows_by_name[rule.case], rows_by_name[rule.other]))
    console.print(table)


def rule_cells(rule: Rule, ones: Sequence[Sample], others: Sequence[Sample]) -> list[str]:
    """Return the cells of one rule's row."""
    values = ratios(ones, others, rule.figure)
    meant = f"≥ {rule.at_least}" if rule.at_least else f"≤ {rule.at_most}"
    reached = rule.at_least <= statistics.median(values) <= rule.at_most
    verdict = "[green]reached" if reached else "[red]missed"
    return [rule.figure, rule.case, rule.other, spread(values, 2), meant, verdict]
