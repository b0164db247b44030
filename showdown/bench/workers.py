"""``gateway serve`` with one worker process against two."""

from showdown.bench.measure import Case
from showdown.bench.rules import Rule
from showdown.bench.suites import Suite
from showdown.bench.tables import FRAMEWORKS
from showdown.bench.targets import Server, Target
from showdown.bench.workloads import WORKLOADS

WORKERS = (1, 2)
# SQLite has one writer at a time.
CONNECTIONS = {"hello": 64, "users": 64, "create": 8}

SERVERS = {
    f"workers-{number}": Server(
        f"gateway serve --port {{port}} --workers {number}", pools=3 * number, workers=number
    )
    for number in WORKERS
}


def case_of(framework: str, prefix: str, workload: str, workers: int) -> Case:
    """A case of one framework in a gateway with some workers."""
    title = f"{framework}, {workload}, {workers} worker{'s' if workers > 1 else ''}"
    target = Target(title, title, f"workers-{workers}", prefix)
    return Case(target, WORKLOADS[workload], CONNECTIONS[workload])


PAIRS = [
    [case_of(framework, prefix, workload, number) for number in WORKERS]
    for workload in CONNECTIONS
    for prefix, framework in FRAMEWORKS.items()
]
CASES = [case for pair in PAIRS for case in pair]
RULES = [Rule("rate", two.target.name, one.target.name) for one, two in PAIRS]
SUITE = Suite("workers", CASES, SERVERS, RULES, warm_up=1)
