"""What a move costs the clients: shadows, and answers of the new application."""

from showdown.bench.measure import Case
from showdown.bench.rules import Rule
from showdown.bench.suites import Suite
from showdown.bench.targets import APPS, Server, Target
from showdown.bench.workloads import WORKLOADS

RATE = 50  # requests a second, for which the gateway and the shadows have room
BARE = "gateway serve --port {port} --only-mounts --mount /moved=flask_app:create_app"
STAGES = {
    "off": "all rules off",
    "shadow": "shadows of 100 %",
    "process": "shadows of 100 %, in a process of its own",
    "live": "live 100 %, compared",
}
SERVERS = {
    "none": Server(BARE),
    **{
        stage: Server(
            f"gateway serve --port {{port}} --config {{directory}}/{stage}.toml",
            pools=2,
            build=f"python -m {APPS}.moves {{directory}}",
        )
        for stage in STAGES
    },
}
CASES = {
    name: Case(Target(title, title, name, "/moved"), WORKLOADS["users"], 1, rate=RATE)
    for name, title in {"none": "no move", **STAGES}.items()
}
RULES = [
    *(
        rule
        for stage in ("shadow", "process")
        for rule in (
            Rule("p50", STAGES[stage], "no move", at_most=1.05),
            Rule("p99", STAGES[stage], "no move", at_most=1.2),
            Rule("rate", STAGES[stage], "no move", at_least=0.99),
            Rule("cpu", STAGES[stage], "no move"),
        )
    ),
    Rule("p50", STAGES["off"], "no move"),
    Rule("p50", STAGES["live"], "no move"),
]
SUITE = Suite("moves", [*CASES.values()], SERVERS, RULES)
