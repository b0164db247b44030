"""Many connections to a slow upstream service, in all three frameworks."""

from dataclasses import replace

from showdown.bench.measure import Case, Plan, measure_all
from showdown.bench.servers import run
from showdown.bench.targets import GUNICORN, UVICORN, Server, Target
from showdown.bench.workloads import Workload
from showdown.claims.apps.upstream import VARIABLE
from showdown.claims.loads import CONCURRENT, MODULES
from showdown.claims.model import Claim, Comparison, Findings, Laboratory
from showdown.claims.planning import SECONDS
from showdown.claims.run import figures_of

# Longer than the clients keep an idle connection: none must end while a request is on its way.
SLOW_SERVICE = Server(
    f"{UVICORN} --lifespan off --timeout-keep-alive 120 {MODULES}.slow_service:app"
)
SERVERS = {
    "FastAPI": Server(f"{UVICORN} {MODULES}.upstream_fastapi:app"),
    "Flask": Server(f"{GUNICORN} {MODULES}.upstream_flask:app"),
    "Django": Server(f"{GUNICORN} {MODULES}.upstream_django:app"),
}
WORKLOAD = Workload("price", "a call to a slow service", "/api/price")
HTTPX = Target("upstream-httpx", "FastAPI with HTTPX", "FastAPI", "/httpx")
AIOHTTP = Target("upstream-aiohttp", "FastAPI with aiohttp", "FastAPI", "/aiohttp")
THREADED = (
    Target("upstream-flask", "Flask", "Flask"),
    Target("upstream-django", "Django", "Django"),
)
SOME, MANY = CONCURRENT


def compare(client: str, one: Target, connections: int) -> list[Comparison]:
    """Compare FastAPI with one client to Flask and Django."""
    return [
        Comparison(
            f"slow service by {client}, {connections} connections: FastAPI to {other.title}",
            Case(one, WORKLOAD, connections),
            Case(other, WORKLOAD, connections),
            1.5,
        )
        for other in THREADED
    ]


# Not HTTPX with 512: its pool looks at every connection for every call that begins or ends. On a
# busy machine, no call of 512 came back within 20 seconds.
COMPARISONS = [
    *compare("HTTPX", HTTPX, SOME),
    *compare("aiohttp", AIOHTTP, SOME),
    *compare("aiohttp", AIOHTTP, MANY),
]


def experiment(laboratory: Laboratory) -> Findings:
    """Run the slow service in a process of its own, and measure its three callers."""
    cases = list({case: None for one in COMPARISONS for case in (one.case, one.other)})
    with run(SLOW_SERVICE, "sqlite:///unused", laboratory.directory) as service:
        variables = {VARIABLE: f"http://127.0.0.1:{service.port}/"}
        servers = {name: replace(server, variables=variables) for name, server in SERVERS.items()}
        plan = Plan(cases, servers, laboratory.rounds, SECONDS)
        samples = measure_all(plan, laboratory.databases, laboratory.directory, laboratory.notify)
    return Findings([one.judge(samples) for one in COMPARISONS], figures_of(cases, samples))


UPSTREAM = Claim(
    "slow-upstream",
    "FastAPI provides first-class async support for scalable I/O operations.",
    "Where each request calls a service that answers after 50 to 100 ms, FastAPI answers at least"
    " 1.5 times as many requests a second as Flask and as Django on gunicorn with 32 threads. With"
    " 64 connections, FastAPI calls it with HTTPX's async client, and also with aiohttp; with 512,"
    " only with aiohttp, because the cost of each call by HTTPX grows with the number of calls."
    " Flask and Django call it with HTTPX's sync client. All clients keep connections open.",
    experiment=experiment,
    servers={
        "slow-upstream, the service": SLOW_SERVICE,
        **{f"slow-upstream, {name}": server for name, server in SERVERS.items()},
    },
)
