"""A run: first all load cases of the chosen claims together, then the experiments."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from showdown.bench.manifest import describe_run, describe_server
from showdown.bench.measure import Case, Plan, Samples, databases, measure_all
from showdown.bench.report import show_progress
from showdown.bench.targets import why_left_out
from showdown.claims.loads import SERVERS
from showdown.claims.model import Claim, Findings, Laboratory, Outcome
from showdown.claims.results import FORMAT

ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS = 1


def run_claims(claims: Sequence[Claim], *, quick: bool) -> dict[str, Any]:
    """Measure, decide the claims, and return the document that ``results`` reads.

    Raises:
        ClickException: a server did not start or a request failed.
    """
    left_out = missing_servers(claims)
    plan = make_plan(claims, left_out, QUICK_ROUNDS if quick else ROUNDS)
    with databases() as (found, directory), show_progress(plan.steps) as notify:
        manifest = describe_run(plan, found, left_out)
        manifest["servers"] |= {
            name: describe_server(server)
            for claim in claims
            for name, server in claim.servers.items()
        }
        samples = measure_all(plan, found, directory, notify) if plan.cases else {}
        laboratory = Laboratory(found, directory, plan.rounds, quick, notify.say)
        outcomes = [decide_one(claim, samples, left_out, laboratory) for claim in claims]
    return {
        "format": FORMAT,
        "quick": quick,
        "manifest": manifest,
        "claims": [outcome.as_document() for outcome in outcomes],
    }


def missing_servers(claims: Sequence[Claim]) -> dict[str, str]:
    """Return the servers that cannot start here, with the reason."""
    names = {case.target.server: None for claim in claims for case in claim.cases}
    return {name: reason for name in names if (reason := why_left_out(SERVERS[name]))}


def make_plan(claims: Sequence[Claim], left_out: dict[str, str], rounds: int) -> Plan:
    """Collect the cases without duplicates, with those that are compared next to each other."""
    cases = {case: None for claim in claims for case in claim.cases}
    runnable = [case for case in cases if case.target.server not in left_out]
    ordered = sorted(runnable, key=lambda case: (case.workload.name, case.connections))
    return Plan(ordered, SERVERS, rounds, SECONDS)


def decide_one(
    claim: Claim, samples: Samples, left_out: dict[str, str], laboratory: Laboratory
) -> Outcome:
    """Decide one claim, from the samples or by its experiment."""
    if claim.experiment:
        return Outcome(claim, claim.experiment(laboratory))
    measured = [
        comparison
        for comparison in claim.comparisons
        if comparison.case in samples and comparison.other in samples
    ]
    needed = {case.target.server: None for case in claim.cases}
    return Outcome(
        claim,
        Findings(
            [comparison.judge(samples) for comparison in measured],
            figures_of(claim.cases, samples),
            [left_out[name] for name in needed if name in left_out],
        ),
    )


def figures_of(cases: Sequence[Case], samples: Samples) -> list[dict[str, Any]]:
    """Return the medians behind the ratios, as table rows."""
    return [
        {
            "target": case.target.title,
            "workload": case.workload.name,
            "connections": case.connections,
            "requests/s": round(median(sample.rate for sample in samples[case])),
            "CPU µs per request": round(median(sample.cpu for sample in samples[case])),
            "p95 ms": round(median(sample.p95 for sample in samples[case]), 1),
        }
        for case in cases
        if case in samples
    ]
