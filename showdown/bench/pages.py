"""How long the pages take to answer."""

from showdown.bench.measure import Case
from showdown.bench.rules import Rule
from showdown.bench.suites import Suite
from showdown.bench.targets import SERVERS, Target
from showdown.bench.workloads import Workload

NAMES = ("", "code", "race", "routes", "claims", "live", "guide")
LONGEST = 100  # milliseconds

CASES = [
    Case(
        Target(f"page /{name}", f"page /{name}", "gateway"),
        Workload(f"page /{name}", f"the page /{name}", f"/{name}"),
        1,
    )
    for name in NAMES
]
RULES = [Rule("p95", case.target.name, at_most=LONGEST) for case in CASES]
SUITE = Suite("pages", CASES, {"gateway": SERVERS["gateway"]}, RULES)
