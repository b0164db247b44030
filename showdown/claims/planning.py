"""What to measure for the chosen claims: the cases, the servers and the databases."""

from collections.abc import Mapping, Sequence

from showdown.bench.measure import Case, Plan
from showdown.bench.postgresql import Missing, find_program, find_user
from showdown.bench.targets import Server, why_left_out
from showdown.claims.loads import SERVERS
from showdown.claims.model import DATABASES, Claim

ROUNDS, QUICK_ROUNDS = 9, 1
SECONDS = 1
# A measurement takes longer than its load: wrk starts, and the server must become idle.
LONGER = 1.4
EXPERIMENT_SECONDS = 8  # per round

Plans = Mapping[str, Plan]  # by the database


def make_plans(
    claims: Sequence[Claim], databases: Sequence[str], left_out: Mapping[str, str], rounds: int
) -> dict[str, Plan]:
    """Collect the cases for each database, with those that are compared next to each other."""
    servers = all_servers(claims)
    plans = {}
    for name in databases:
        cases = {case: None for claim in claims for case in claim.cases_on(name, databases)}
        runnable = [case for case in cases if case.target.server not in left_out]
        ordered = sorted(runnable, key=lambda case: (case.workload.name, case.connections))
        plans[name] = Plan(ordered, servers, rounds, SECONDS)
    return plans


def all_servers(claims: Sequence[Claim]) -> dict[str, Server]:
    """Return the servers of all cases and experiments, by name."""
    return SERVERS | {name: server for one in claims for name, server in one.servers.items()}


def missing_servers(claims: Sequence[Claim]) -> dict[str, str]:
    """Return the servers that cannot start here, with the reason."""
    servers = all_servers(claims)
    names = {case.target.server: None for claim in claims for case in claim.cases}
    return {name: reason for name in names if (reason := why_left_out(servers[name]))}


def missing_databases(names: Sequence[str]) -> dict[str, str]:
    """Return the databases that cannot run here, with the reason."""
    if "postgresql" not in names:
        return {}
    try:
        find_program("initdb")
        find_user()
    except Missing as error:
        return {"postgresql": f"Not measured on {DATABASES['postgresql']}: {error}"}
    return {}


def describe_work(claims: Sequence[Claim], plans: Plans) -> str:
    """Return how much there is to measure, and about how long it takes."""
    rounds = max(plan.rounds for plan in plans.values())
    seconds = sum(seconds_of(plan, case) for plan in plans.values() for case in plan.cases)
    seconds += rounds * EXPERIMENT_SECONDS * sum(1 for claim in claims if claim.experiment)
    cases = " and ".join(f"{len(plan.cases)} on {DATABASES[name]}" for name, plan in plans.items())
    return (
        f"Load cases: {cases}; rounds: {rounds}, and one to warm up."
        f" This takes about {max(1, round(seconds / 60))} min."
    )


def seconds_of(plan: Plan, case: Case) -> float:
    """Return about how long all measurements of a case take."""
    return LONGER * (plan.warm_up + plan.rounds * plan.seconds_for(case))
