"""Many writers: users created through each framework, and by pgbench in PostgreSQL itself."""

from dataclasses import replace
from functools import partial
from typing import Any

import click

from showdown.bench.filled import filled, server_name
from showdown.bench.measure import Case
from showdown.bench.pgbench import CASES as PGBENCH_CASES
from showdown.bench.pgbench import RULES as PGBENCH_RULES
from showdown.bench.pgbench import measure_pgbench
from showdown.bench.postgresql import why_missing
from showdown.bench.report import show_progress
from showdown.bench.results import as_document
from showdown.bench.scale import find_systems
from showdown.bench.suites import Suite, measure_suite, show
from showdown.bench.tables import FRAMEWORKS
from showdown.bench.tables import SYSTEMS as TITLES
from showdown.bench.targets import SERVERS, Target
from showdown.bench.workloads import SEEDED_USERS, WORKLOADS

CONNECTIONS = (1, 8, 32, 128)
# The default: a writer on SQLite that waits longer than that gets 503.
SERVER = replace(SERVERS["gateway"], variables={"GATEWAY_DATABASE_TIMEOUT": "20"})


def case_of(system: str, prefix: str, connections: int) -> Case:
    """A case of writers in one framework; on SQLite, some may get 503."""
    writers = f"{connections} writer{'s' if connections > 1 else ''}"
    title = f"{FRAMEWORKS[prefix]}, {TITLES[system]}, {writers}"
    target = Target(title, title, server_name(system, SEEDED_USERS), prefix)
    return Case(target, WORKLOADS["create"], connections, fails=system == "sqlite")


def make_suite() -> Suite:
    """Return the suite for the database systems that can run here."""
    systems, left_out = find_systems()
    return Suite(
        "writers",
        [
            case_of(system, prefix, number)
            for number in CONNECTIONS
            for system in systems
            for prefix in FRAMEWORKS
        ],
        {server_name(system, SEEDED_USERS): SERVER for system in systems},
        databases=partial(filled, systems, [SEEDED_USERS]),
        starts_anew=False,
        warm_up=1,
        left_out=left_out,
    )


def measure_writers(rounds: int, seconds: int) -> dict[str, Any]:
    """Measure the frameworks, and then pgbench if PostgreSQL is installed."""
    suite = make_suite()
    document = measure_suite(suite, rounds, seconds)
    if suite.left_out:
        return document
    if reason := why_missing("pgbench"):
        document["manifest"]["left_out"]["pgbench"] = reason
        click.echo(f"Left out: pgbench: {reason}")
        return document
    with show_progress(len(PGBENCH_CASES) * (rounds + 1)) as notify:
        samples = measure_pgbench(rounds, seconds, notify)
    inserted = as_document(samples, document["manifest"], "writers", PGBENCH_RULES)
    show(inserted)
    return {
        **document,
        "cases": [*document["cases"], *inserted["cases"]],
        "rules": inserted["rules"],
    }
