"""The cost of each layer of the gateway, in one process and on a socket."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from contract.settings import BASE_DIR
from showdown.bench.manifest import describe_run
from showdown.bench.measure import Case, Plan, databases, measure_all
from showdown.bench.report import new_console, show_progress
from showdown.bench.results import FORMAT
from showdown.bench.rules import Rule
from showdown.bench.samples import column, spread
from showdown.bench.servers import environment
from showdown.bench.tables import Grid, print_grid
from showdown.bench.targets import APPS, SERVERS, Server, Target, program
from showdown.bench.workloads import WORKLOADS

Figures = dict[str, list[float]]  # by case, one figure of each round

NOTHING = "measurement itself"
BARE = "FastAPI behind Starlette's Mount"
ALONE, SERVED = "FastAPI alone on uvicorn", "FastAPI on gateway serve"
CONNECTIONS = 32
WARM_UP = 3  # seconds
LONGEST = 600  # seconds for one round in one process
SERVE = "gateway serve --port {port} --only-mounts --mount /fastapi=fastapi_app.main:app"
SOCKET_SERVERS = {"alone": SERVERS["fastapi-uvicorn"], "served": Server(SERVE)}
SOCKET_CASES = [
    Case(Target(ALONE, ALONE, "alone"), WORKLOADS["hello"], CONNECTIONS),
    Case(Target(SERVED, SERVED, "served", "/fastapi"), WORKLOADS["hello"], CONNECTIONS),
]


AIMS = [
    Rule("cpu", "FastAPI in the gateway", BARE, at_most=1.0),
    *(
        Rule("cpu", f"{name} {place}", f"{name}, called inline", at_most=1.1)
        for name in ("Flask", "Django")
        for place in ("through the bridge", "in the gateway")
    ),
    Rule("rate", SERVED, ALONE, at_least=0.85),
]


def measure_layers(rounds: int, seconds: int) -> dict[str, Any]:
    """Measure the layers in a new process for each round, then the sockets if wrk is installed.

    Returns:
        Members ``process`` and ``socket``: by case, CPU µs and requests a second of each round.
    """
    has_wrk = program("wrk") is not None
    plan = Plan(SOCKET_CASES, SOCKET_SERVERS, 1, seconds, starts=rounds, warm_up=WARM_UP)
    with (
        databases() as (found, directory),
        show_progress(rounds + (plan.steps if has_wrk else 0)) as notify,
    ):
        variables = environment(Server(""), found.url_for("layers"))
        in_process = measure_in_process(rounds, seconds, variables, notify)
        manifest = describe_run(plan, found, {})
        samples = measure_all(plan, found, directory, notify) if has_wrk else {}
    socket = {case.target.name: column(rows, "rate") for case, rows in samples.items()}
    result = {
        "format": FORMAT,
        "suite": "layers",
        "manifest": manifest,
        "process": in_process,
        "socket": socket,
    }
    console = new_console()
    for grid in grids_of(result):
        print_grid(grid, console)
    return result


def measure_in_process(
    rounds: int, seconds: float, variables: Mapping[str, str], notify: Callable[[str], None]
) -> Figures:
    """Return by case the CPU µs of a request, less what the measurement itself costs."""
    figures: Figures = {}
    for _ in range(rounds):
        notify("layers in one process")
        found = run_round(seconds, variables)
        nothing = found.pop(NOTHING)
        for name, value in found.items():
            figures.setdefault(name, []).append(value - nothing)
    return figures


def run_round(seconds: float, variables: Mapping[str, str]) -> dict[str, float]:
    """Measure each case once, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", f"{APPS}.layers", str(seconds)],
        cwd=BASE_DIR,
        env=variables,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    if run.returncode:
        raise click.ClickException(f"A round failed:\n{run.stderr}")
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def grids_of(result: Mapping[str, Any]) -> list[Grid]:
    """Return the tables of a result: the layers, requests on a socket, and the aims."""
    process, socket = result["process"], result["socket"]
    layers = ("in process", "CPU µs a request", "more than the row before, by round")
    grids = [Grid("Layers, medians (smallest-largest)", layers, layer_rows(process))]
    if socket:
        rows = [[name, spread(values)] for name, values in socket.items()]
        columns = ("on a socket", "requests/s")
        grids.append(Grid("Sockets, medians (smallest-largest)", columns, rows))
    aims = ("ratio of", "to", "median (smallest-largest)", "aim", "")
    return [*grids, Grid("Ratios", aims, aim_rows({**process, **socket}))]


def layer_rows(figures: Figures) -> list[list[str]]:
    """Return a row for each case; a layer's has the median of its differences, round by round."""
    rows: list[list[str]] = []
    before: list[float] = []
    for name, values in figures.items():
        differences = [one - other for one, other in zip(values, before, strict=False)]
        more = signed_spread(differences) if name.startswith("+") else ""
        rows.append([name, spread(values), more])
        before = values
    return rows


def signed_spread(values: list[float]) -> str:
    """Return the median with the smallest and the largest value; their signs say what is more."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:+.1f} ({low:+.1f} to {high:+.1f})"


def aim_rows(figures: Figures) -> list[list[str]]:
    """Return a row for each aim whose cases were measured."""
    rows: list[list[str]] = []
    for aim in AIMS:
        if aim.other is not None and aim.case in figures:
            pairs = zip(figures[aim.case], figures[aim.other], strict=True)
            ratios = [one / other for one, other in pairs]
            cells = [spread(ratios, 2), aim.bound, aim.verdict(ratios)]
            rows.append([aim.case, aim.other, *cells])
    return rows
