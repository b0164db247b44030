"""A run: on each database, all load cases of the chosen claims together; the experiments first."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from showdown.bench.databases import Databases
from showdown.bench.manifest import describe_run, describe_server
from showdown.bench.measure import Case, Samples, databases, measure_all
from showdown.bench.postgresql import Cluster
from showdown.bench.report import Notifier, show_progress
from showdown.claims.model import DATABASES, Claim, Findings, Laboratory, Outcome, uses_database
from showdown.claims.planning import Plans, count_steps
from showdown.claims.results import FORMAT
from showdown.claims.verdicts import Condition

# The pools of all servers together need more connections than PostgreSQL allows by default.
# Everything else is the default, so a commit waits for the disk.
POSTGRESQL = "-c max_connections=1000"

Measured = Mapping[str, Samples]  # by the database


def run_claims(
    claims: Sequence[Claim], plans: Plans, left_out: Mapping[str, str], *, quick: bool
) -> dict[str, Any]:
    """Measure, decide the claims, and return the document that ``results`` reads.

    Args:
        plans: by the database; the experiments use the first.
        left_out: by server or database, why it cannot be measured.

    Raises:
        ClickException: a server did not start or a request failed.
    """
    measured: dict[str, Samples] = {}
    findings: dict[str, Findings] = {}
    manifests: list[dict[str, Any]] = []
    with show_progress(count_steps(claims, plans)) as notify:
        for name, plan in plans.items():
            with open_database(name) as (found, directory):
                manifests.append(describe_run(plan, found, left_out))
                if len(manifests) == 1:
                    laboratory = Laboratory(found, directory, plan.rounds, quick, notify)
                    findings = experiment(claims, laboratory, notify)
                measured[name] = measure_all(plan, found, directory, notify)
    outcomes = [
        Outcome(claim, findings.get(claim.name) or compare(claim, measured, left_out))
        for claim in claims
    ]
    return as_document(outcomes, merge(manifests, claims), quick=quick)


def as_document(
    outcomes: Sequence[Outcome], manifest: Mapping[str, Any], *, quick: bool
) -> dict[str, Any]:
    """Return the outcomes of a run as a JSON document."""
    return {
        "format": FORMAT,
        "quick": quick,
        "manifest": dict(manifest),
        "claims": [outcome.as_document() for outcome in outcomes],
    }


@contextmanager
def open_database(name: str) -> Iterator[tuple[Databases, Path]]:
    """Provide a database with users, and a directory; delete both at the end."""
    if name == "sqlite":
        with databases() as opened:
            yield opened
        return
    with TemporaryDirectory(prefix="gateway-claims-") as directory:
        cluster = Cluster(Path(directory) / "postgresql", POSTGRESQL)
        with cluster.serving(), databases(cluster.url) as opened:
            yield opened


class Share:
    """An experiment's part of the progress bar: a step a message, as many as there are rounds."""

    def __init__(self, notify: Notifier, rounds: int) -> None:
        self.notify = notify
        self.left = rounds

    def __call__(self, text: str) -> None:
        self.notify.say(text)
        if self.left:
            self.advance(1)

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self.left -= steps
        self.notify.progress.advance(self.notify.task, steps)


def experiment(
    claims: Sequence[Claim], laboratory: Laboratory, notify: Notifier
) -> dict[str, Findings]:
    """Run the experiments, and return what they found by claim."""
    findings = {}
    for claim in claims:
        if claim.experiment:
            share = Share(notify, laboratory.rounds)
            findings[claim.name] = claim.experiment(replace(laboratory, notify=share))
            share.advance(share.left)
    return findings


def merge(manifests: Sequence[dict[str, Any]], claims: Sequence[Claim]) -> dict[str, Any]:
    """Return one manifest for the runs on all databases."""
    servers = {name: one for manifest in manifests for name, one in manifest["servers"].items()}
    for claim in claims:
        servers |= {name: describe_server(server) for name, server in claim.servers.items()}
    versions = "; ".join(manifest["database"] for manifest in manifests)
    return {**manifests[0], "database": versions, "servers": servers}


def compare(claim: Claim, measured: Measured, left_out: Mapping[str, str]) -> Findings:
    """Judge a claim's comparisons by the samples of each database."""
    conditions: list[Condition] = []
    figures: list[dict[str, Any]] = []
    for name, samples in measured.items():
        cases = [case for case in claim.cases_on(name, [*measured]) if case in samples]
        for one in claim.comparisons:
            if one.case in cases and one.other in cases:
                conditions.append(one.judge(samples, label(one.case, name)))
        figures += figures_of(cases, samples, name)
    return Findings(conditions, figures, reasons(claim, left_out))


def label(case: Case, database: str | None) -> str | None:
    """Return what documents call the database of a case."""
    return DATABASES[database] if database and uses_database(case) else None


def reasons(claim: Claim, left_out: Mapping[str, str]) -> list[str]:
    """Return why some of a claim's cases were not measured."""
    needed = {case.target.server: None for case in claim.cases}
    if any(uses_database(case) for case in claim.cases):
        needed |= dict.fromkeys(claim.databases)
    return [left_out[name] for name in needed if name in left_out]


def figures_of(
    cases: Sequence[Case], samples: Samples, database: str | None = None
) -> list[dict[str, Any]]:
    """Return the medians behind the ratios, as table rows."""
    return [
        {
            "target": case.target.title,
            "workload": case.workload.name,
            "database": label(case, database),
            "connections": case.connections,
            "requests/s": round(median(sample.rate for sample in samples[case])),
            # 0 where it is not known: that of a server at a URL.
            "CPU µs per request": round(median(sample.cpu for sample in samples[case])) or None,
            "p95 ms": round(median(sample.p95 for sample in samples[case]), 1),
        }
        for case in cases
    ]
