"""The claims that a load test decides."""

from collections.abc import Sequence

from showdown.bench.measure import Case
from showdown.bench.targets import SERVERS as BENCH_SERVERS
from showdown.bench.targets import TARGETS, UVICORN, Server, Target, with_threads
from showdown.bench.workloads import WORKLOADS, Workload
from showdown.claims.model import LABELS, Claim, Comparison

APPS = "showdown/claims/apps"
MODULES = "showdown.claims.apps"
CACHED_DJANGO = f"{MODULES}.cached_django"
CONCURRENT = (64, 512)
FEW = 8  # fewer than a server has threads
THREADS = (1, 8, 32, 128, 256)
WAITING = 256

SERVERS = {
    **BENCH_SERVERS,
    "node": Server(f"node {APPS}/hello.mjs {{port}}", install="apt-get install nodejs"),
    # One processor, because every other server has one process.
    "go": Server(
        "{directory}/hello {port}",
        variables={"GOMAXPROCS": "1", "GO111MODULE": "off"},
        build=f"go build -o {{directory}}/hello {APPS}/hello.go",
        install="apt-get install golang-go",
    ),
    "blocking": Server(f"{UVICORN} {MODULES}.blocking:app"),
    "django-cached": Server(
        BENCH_SERVERS["django-gunicorn"].command.replace("django_app.wsgi", CACHED_DJANGO)
    ),
    **{
        f"gateway-{threads}": with_threads(BENCH_SERVERS["gateway"], threads) for threads in THREADS
    },
}

FLASK = TARGETS["flask-gunicorn"]
DJANGO = TARGETS["django-gunicorn"]
FASTAPI = TARGETS["fastapi-uvicorn"]
IN_THE_GATEWAY = tuple(TARGETS[f"{name}-gateway"] for name in ("fastapi", "flask", "django"))
DEF = TARGETS["fastapi-def"]
NODE = Target("node", "Node.js", "node")
GO = Target("go", "Go", "go")
BLOCKING = Target("blocking", "FastAPI with a blocking async handler", "blocking")
CACHED = Target("django-cached", "Django with a cache on gunicorn gthread", "django-cached")


def versus(
    one: Target,
    others: Sequence[Target],
    workloads: Sequence[str],
    connections: Sequence[int],
    at_least: float,
    figure: str = "rate",
) -> list[Comparison]:
    """Compare one target with others, for each workload and number of connections."""
    return [
        Comparison(
            f"{workload}{LABELS[figure]}, {number} connections: {one.title} to {other.title}",
            Case(one, WORKLOADS[workload], number),
            Case(other, WORKLOADS[workload], number),
            at_least,
            figure,
        )
        for workload in workloads
        for number in connections
        for other in others
    ]


def in_the_gateway(workload: str, connections: Sequence[int]) -> list[Comparison]:
    """Compare FastAPI with Flask and Django where all three run in the gateway."""
    fastapi, *others = IN_THE_GATEWAY
    return [
        Comparison(
            f"{workload} in the gateway, {number} connections: FastAPI to {other.title.split()[0]}",
            Case(fastapi, WORKLOADS[workload], number),
            Case(other, WORKLOADS[workload], number),
            3,
        )
        for number in connections
        for other in others
    ]


def by_threads(threads: int) -> Comparison:
    """Compare FastAPI with Flask on some threads, both in the gateway, with the same waits."""
    flask = Target(f"flask-{threads}", f"Flask, {threads} threads", f"gateway-{threads}", "/flask")
    fastapi, wait = IN_THE_GATEWAY[0], WORKLOADS["wait"]
    pool = f"{threads} thread{'s' if threads > 1 else ''}"
    name = f"wait on {pool}, {WAITING} connections: FastAPI in the gateway to Flask"
    return Comparison(name, Case(fastapi, wait, WAITING), Case(flask, wait, WAITING), 1.5)


def with_sleep(connections: int) -> Comparison:
    """Compare Flask's sleeping threads with a handler that sleeps on the event loop."""
    wait: Workload = WORKLOADS["wait"]
    name = f"wait, {connections} connections: {FLASK.title} to {BLOCKING.title}"
    return Comparison(name, Case(FLASK, wait, connections), Case(BLOCKING, wait, connections), 1.25)


LOAD_CLAIMS = [
    Claim(
        "faster",
        "Benchmark tests regularly show FastAPI handling 3-5x more requests per second than"
        " synchronous frameworks under concurrent load.",
        "FastAPI answers at least 3 times as many requests a second as Flask and as Django: each on"
        " its usual server (32 threads) with 64 and 512 connections, and all three in the gateway"
        " with 64; waits also with 8, and with 512 in the gateway.",
        [
            *versus(FASTAPI, [FLASK, DJANGO], ["hello", "users"], CONCURRENT, 3),
            *versus(FASTAPI, [FLASK, DJANGO], ["wait"], [FEW, *CONCURRENT], 3),
            *in_the_gateway("hello", [64]),
            *in_the_gateway("users", [64]),
            *in_the_gateway("wait", CONCURRENT),
        ],
    ),
    Claim(
        "node-go",
        "It delivers outstanding performance compared to most Python frameworks, approaching"
        " Node.js and Go levels in benchmarks.",
        "FastAPI answers at least half as many requests a second for /api/hello as a minimal"
        " Node.js server and as a minimal Go server, each in one process on one processor, with 64"
        " connections.",
        versus(FASTAPI, [NODE, GO], ["hello"], [64], 0.5),
    ),
    Claim(
        "blocks-a-worker",
        "Each request blocks a worker, limiting scalability without adding more processes.",
        f"With {WAITING} connections waiting 50 ms, FastAPI answers at least 1.5 times as many"
        " requests as Flask in one process, however many threads Flask has, from 1 to 256.",
        [by_threads(threads) for threads in THREADS],
    ),
    Claim(
        "async-def",
        "The async def syntax enables non-blocking I/O, which improves throughput significantly"
        " under concurrent load.",
        "FastAPI with async def answers at least 1.25 times as many requests a second as FastAPI"
        " with plain def (32 threads) in hello and users with 64 connections, and in wait with 64"
        " and with 512.",
        [
            *versus(FASTAPI, [DEF], ["hello", "users"], [64], 1.25),
            *versus(FASTAPI, [DEF], ["wait"], CONCURRENT, 1.25),
        ],
    ),
    Claim(
        "blocking-handlers",
        "Blocking operations in async handlers defeat the purpose of async architecture and can"
        " cause performance problems worse than synchronous frameworks.",
        "Where an async handler sleeps 50 ms on the event loop, Flask on gunicorn answers at least"
        " 1.25 times as many requests a second, with 8 and with 32 connections.",
        [with_sleep(FEW), with_sleep(32)],
    ),
    Claim(
        "django-overhead",
        "Skip Django when raw performance is the primary concern and you cannot afford the"
        " framework's overhead.",
        "On its usual server Django needs at least 1.25 times as much CPU time a request as Flask"
        " and as FastAPI, in hello and in users, with 64 connections.",
        versus(DJANGO, [FLASK, FASTAPI], ["hello", "users"], [64], 1.25, "cpu"),
    ),
    Claim(
        "django-cache",
        "Django compensates with excellent caching mechanisms and database query optimization"
        " tools.",
        "With its cache_page on the list of users, Django answers at least as many requests a"
        " second as FastAPI that asks the database, with 64 and with 512 connections.",
        versus(CACHED, [FASTAPI], ["users"], CONCURRENT, 1),
    ),
    Claim(
        "quart",
        "Skip Flask for high-concurrency applications unless you're prepared to manage async"
        " complexity yourself with Quart.",
        "Quart answers at least 1.25 times as many waits of 50 ms a second as Flask on gunicorn"
        " (32 threads), with 64 and with 512 connections.",
        versus(TARGETS["quart"], [FLASK], ["wait"], CONCURRENT, 1.25),
    ),
]
