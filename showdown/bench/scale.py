"""The time of one request at different numbers of users, on SQLite and on PostgreSQL."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from showdown.bench.filled import SYSTEMS, filled, server_name
from showdown.bench.measure import Case
from showdown.bench.postgresql import why_missing
from showdown.bench.rules import Rule
from showdown.bench.suites import Suite, measure_suite
from showdown.bench.tables import FRAMEWORKS
from showdown.bench.tables import SYSTEMS as TITLES
from showdown.bench.targets import SERVERS, Target
from showdown.bench.workloads import ADMIN_WORKLOADS, WORKLOADS, Workload

USERS = (1_000, 100_000, 1_000_000)
OF_EACH = ("page", "search", "search-none", "create")
OF_STAFF = [WORKLOADS["dashboard"], *ADMIN_WORKLOADS.values()]
# Milliseconds that 95 % of the requests may take at the largest size, by workload and system.
AIMS = {
    "search": {"sqlite": 50, "postgresql": 20},
    "search-none": {"sqlite": 50, "postgresql": 20},
    "dashboard": {"sqlite": 100, "postgresql": 100},
    **{name: {"sqlite": 150, "postgresql": 150} for name in ADMIN_WORKLOADS},
}


def find_systems() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the database systems that can run here, and by name why the others cannot."""
    reason = why_missing()
    return (SYSTEMS[:1], {"postgresql": reason}) if reason else (SYSTEMS, {})


def case_of(system: str, users: int, prefix: str, workload: Workload) -> Case:
    """A case of one connection."""
    title = f"{FRAMEWORKS[prefix]}, {TITLES[system]}, {users:,} users"
    target = Target(f"{title}, {workload.name}", title, server_name(system, users), prefix)
    return Case(target, workload, 1)


def cases_of(system: str, users: int) -> list[Case]:
    """Return the cases of one database."""
    api = [(prefix, WORKLOADS[name]) for name in OF_EACH for prefix in FRAMEWORKS]
    staff = [("/django", workload) for workload in OF_STAFF]
    return [case_of(system, users, prefix, workload) for prefix, workload in (*api, *staff)]


def rules_of(cases: Sequence[Case], users: int) -> list[Rule]:
    """Return the aims for the cases with this number of users."""
    return [
        Rule("p95", case.target.name, at_most=AIMS[case.workload.name][system])
        for case in cases
        for system in SYSTEMS
        if case.target.server == server_name(system, users) and case.workload.name in AIMS
    ]


def make_suite(sizes: Sequence[int]) -> Suite:
    """Return the suite for some numbers of users."""
    systems, left_out = find_systems()
    names = [(system, users) for system in systems for users in sizes]
    cases = [case for name in names for case in cases_of(*name)]
    return Suite(
        "scale",
        cases,
        {server_name(*name): SERVERS["gateway"] for name in names},
        rules_of(cases, max(sizes)),
        partial(filled, systems, sizes),
        starts_anew=False,
        warm_up=1,
        left_out=left_out,
    )


def measure_scale(rounds: int, seconds: int, sizes: Sequence[int] = USERS) -> dict[str, Any]:
    """Fill the databases, and measure all cases."""
    return measure_suite(make_suite(sorted({*sizes})), rounds, seconds)
