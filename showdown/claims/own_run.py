"""Measure the two targets of a claim of your own, alternately."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import click

from showdown.bench.databases import SQLiteFiles
from showdown.bench.load import TIMEOUT, run_wrk
from showdown.bench.manifest import describe_run
from showdown.bench.measure import LONGER, Case, Plan, Samples, sample_of
from showdown.bench.report import show_progress
from showdown.bench.samples import Sample, column
from showdown.bench.servers import Running, cpu_seconds, memory_peak, require_proc, run, settle
from showdown.claims.model import Claim, Findings, Outcome
from showdown.claims.own import OwnClaim, OwnTarget, OwnWorkload, read_own
from showdown.claims.planning import QUICK_ROUNDS, ROUNDS, SECONDS
from showdown.claims.run import as_document, figures_of

NO_DATABASE = "databases: the targets' own"


@dataclass(frozen=True)
class Endpoint:
    """A target that answers.

    Attributes:
        server: the process, if the file has its command.
    """

    port: int
    server: Running | None


def run_own(file: Path, *, quick: bool) -> dict[str, Any]:
    """Measure a claim, decide it, and return a document as of the article's claims.

    Raises:
        ClickException: the file, a target or a request failed.
    """
    require_proc()
    own = read_own(file)
    claim = own.as_claim(file)
    plan = Plan(claim.cases, dict(claim.servers), QUICK_ROUNDS if quick else ROUNDS, SECONDS)
    with TemporaryDirectory(prefix="gateway-claims-") as name, show_progress(plan.steps) as notify:
        directory = Path(name)
        manifest = describe_run(plan, SQLiteFiles(directory, version=NO_DATABASE), {})
        samples = measure_own(own, plan, directory, notify)
    outcome = Outcome(claim, judge(claim, samples))
    return as_document([outcome], manifest, quick=quick)


def judge(claim: Claim, samples: Samples) -> Findings:
    """Calculate the ratios, and the medians behind them."""
    for case, rows in samples.items():
        if any(figure <= 0 for figure in column(rows, claim.comparisons[0].figure)):
            raise click.ClickException(f"{case.name}: the figure is too small to measure")
    conditions = [comparison.judge(samples) for comparison in claim.comparisons]
    return Findings(conditions, figures_of(claim.cases, samples))


def measure_own(
    own: OwnClaim, plan: Plan, directory: Path, notify: Callable[[str], None]
) -> Samples:
    """Measure every case in each round; the first round only warms up."""
    samples: Samples = {case: [] for case in plan.cases}
    with ExitStack() as stack:
        endpoints = {
            name: reach(target, name, plan, directory, stack)
            for name, target in own.targets.items()
        }
        for number in range(plan.rounds + 1):
            for case in plan.cases:
                notify(case.name)
                seconds = plan.seconds_for(case) if number else plan.warm_up
                sample = measure(endpoints[case.target.server], case, own.workload, seconds)
                if number:
                    samples[case].append(sample)
    return samples


def reach(target: OwnTarget, name: str, plan: Plan, directory: Path, stack: ExitStack) -> Endpoint:
    """Start a target until the stack is closed, unless it runs already."""
    if target.url:
        port = urlsplit(target.url).port
        assert port is not None
        return Endpoint(port, None)
    try:
        server = stack.enter_context(run(plan.servers[name], "sqlite:///unused", directory))
    except OSError as error:
        raise click.ClickException(f"{target.title}: {target.command}: {error}") from error
    return Endpoint(server.port, server)


def measure(endpoint: Endpoint, case: Case, workload: OwnWorkload, seconds: int) -> Sample:
    """Measure a case once.

    Raises:
        ClickException: a request failed, or its status was 400 or higher.
    """
    # This also waits until the target has finished the work of the previous measurement.
    ask(endpoint, case, workload)
    pid = endpoint.server.process.pid if endpoint.server else None
    path = case.target.prefix + workload.path
    request = (endpoint.port, path, workload.method, case.connections)
    send = partial(run_wrk, *request, script=write_script(workload))
    before = cpu_seconds(pid) if pid else 0.0
    # Many connections to a slow target: the first responses come later than that.
    load = send(seconds)
    load = load if load.requests else send(seconds * LONGER)
    spent = cpu_seconds(pid) - before if pid else 0.0
    failed = load.failed + load.broken
    if failed or not load.requests:
        # The same request again, for its status.
        ask(endpoint, case, workload)
        total = load.requests + load.broken
        raise click.ClickException(f"{case.name}: {failed} of {total} requests failed")
    if endpoint.server:
        settle(endpoint.server)
    return sample_of(load, spent, memory_peak(pid) if pid else 0)


def ask(endpoint: Endpoint, case: Case, workload: OwnWorkload) -> None:
    """Send the request once, and raise ClickException unless it succeeds."""
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=TIMEOUT)
    path, body = case.target.prefix + workload.path, workload.body.encode() or None
    try:
        connection.request(workload.method, path, body, workload.headers)
        response = connection.getresponse()
        text = response.read(300).decode(errors="replace")
    except (OSError, HTTPException, ValueError) as error:
        log = f"\n{endpoint.server.log()}" if endpoint.server else ""
        raise click.ClickException(f"{case.name}: the request failed: {error}{log}") from error
    finally:
        connection.close()
    if response.status >= 400:
        raise click.ClickException(f"{case.name}: the status is {response.status}: {text}")


def write_script(workload: OwnWorkload) -> str:
    """Return the request as Lua for wrk."""
    headers = [f"wrk.headers[{quote(k)}] = {quote(v)}\n" for k, v in workload.headers.items()]
    body = f"wrk.body = {quote(workload.body)}\n" if workload.body else ""
    return f"wrk.method = {quote(workload.method)}\n{''.join(headers)}{body}"


def quote(text: str) -> str:
    """Return a string for Lua, with every byte escaped."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'
