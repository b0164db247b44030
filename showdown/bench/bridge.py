"""The cost of the bridge, compared with other ways to serve the same WSGI applications."""

from showdown.bench.measure import Case
from showdown.bench.rules import Rule
from showdown.bench.suites import Suite
from showdown.bench.targets import APPS, SERVERS, THREADS, UVICORN, Server, Target, with_threads
from showdown.bench.workloads import WORKLOADS

CONNECTIONS = 32
WAITING = 256
STUCK = "/flask/api/wait?ms=10000"
BUSY = "/busy/"  # computes without a pause
FEW = 2  # connections; more would measure how the load and the computation share the cores
SERVE = (
    "gateway serve --port {port} --only-mounts --mount /flask=flask_app:create_app"
    " --mount /django=django_app.wsgi:application"
)
WITH_BUSY = (
    "gateway serve --port {port} --only-mounts --mount /fastapi=fastapi_app.main:app"
    f" --mount /busy={APPS}.busy:app"
)

BRIDGE_SERVERS = {
    "bridge": Server(f"{UVICORN} --factory {APPS}.adapters:bridge"),
    "inline": Server(f"{UVICORN} --factory {APPS}.adapters:inline"),
    "a2wsgi": SERVERS["a2wsgi"],
    "asgiref": Server(f"{UVICORN} --factory {APPS}.adapters:asgiref"),
    "gunicorn": SERVERS["flask-gunicorn"],
    "waitress": Server(
        f"waitress-serve --threads {THREADS} --listen 127.0.0.1:{{port}}"
        " --call flask_app:create_app"
    ),
    "granian": SERVERS["flask-granian"],
    "gateway": SERVERS["gateway"],
    "fastapi": SERVERS["fastapi-uvicorn"],
    "observed": Server(f"python -m {APPS}.gateways observed {{port}}", pools=3),
    "unobserved": Server(f"python -m {APPS}.gateways unobserved {{port}}", pools=3),
    "serve": Server(SERVE, pools=2),
    "isolated": Server(f"{SERVE} --isolate /flask --isolate /django", pools=2),
    "busy": Server(WITH_BUSY),
    "busy-isolated": Server(f"{WITH_BUSY} --isolate /busy"),
    "waiting": with_threads(SERVERS["gateway"], WAITING),
}


def bridge_case(framework: str, server: str, *, mounted: bool, stuck: str | None = None) -> Case:
    """A case of greetings from one framework on one server."""
    title = f"{framework}, Flask stuck" if stuck else f"{framework}, {server}"
    prefix = f"/{framework.lower()}" if mounted else ""
    target = Target(title, title, server, prefix)
    # On kept-alive connections, asgiref's adapter fails every second request.
    return Case(target, WORKLOADS["hello"], CONNECTIONS, fails=server == "asgiref", stuck=stuck)


def waiting_case(framework: str) -> Case:
    """A case of many concurrent waits in one framework."""
    title = f"{framework}, 50 ms waits"
    return Case(
        Target(title, title, "waiting", f"/{framework.lower()}"), WORKLOADS["wait"], WAITING
    )


def busy_case(title: str, server: str, stuck: str | None = None) -> Case:
    """A case of few requests to FastAPI, next to a mount that computes."""
    target = Target(f"FastAPI, {title}", f"FastAPI, {title}", server, "/fastapi")
    return Case(target, WORKLOADS["hello"], FEW, stuck=stuck)


CASES = [
    *(
        bridge_case(framework, server, mounted=True)
        for framework in ("Flask", "Django")
        for server in ("bridge", "inline", "a2wsgi")
    ),
    bridge_case("Flask", "asgiref", mounted=True),
    *(
        bridge_case("Flask", server, mounted=False)
        for server in ("gunicorn", "waitress", "granian")
    ),
    bridge_case("FastAPI", "gateway", mounted=True),
    bridge_case("FastAPI", "fastapi", mounted=False),
    bridge_case("FastAPI", "observed", mounted=True),
    bridge_case("FastAPI", "unobserved", mounted=True),
    bridge_case("Django", "gateway", mounted=True),
    bridge_case("FastAPI", "gateway", mounted=True, stuck=STUCK),
    bridge_case("Django", "gateway", mounted=True, stuck=STUCK),
    *(
        bridge_case(framework, server, mounted=True)
        for framework in ("Flask", "Django")
        for server in ("serve", "isolated")
    ),
    busy_case("quiet", "busy-isolated"),
    busy_case("busy mount in process", "busy", BUSY),
    busy_case("busy mount isolated", "busy-isolated", BUSY),
    waiting_case("Flask"),
    waiting_case("FastAPI"),
]


RULES = [
    *(
        rule
        for framework in ("Flask", "Django")
        for rule in (
            Rule("cpu", f"{framework}, bridge", f"{framework}, inline", at_most=1.15),
            Rule("cpu", f"{framework}, bridge", f"{framework}, a2wsgi", at_most=0.45),
            Rule("rate", f"{framework}, bridge", f"{framework}, a2wsgi", at_least=2.5),
        )
    ),
    Rule("rate", "Flask, bridge", "Flask, gunicorn", at_least=1.0),
    Rule("rate", "Flask, bridge", "Flask, waitress", at_least=1.0),
    Rule("rate", "FastAPI, gateway", "FastAPI, fastapi", at_least=0.9),
    Rule("rate", "FastAPI, observed", "FastAPI, unobserved", at_least=0.9),
    Rule("rate", "FastAPI, Flask stuck", "FastAPI, gateway", at_least=0.9),
    Rule("rate", "Django, Flask stuck", "Django, gateway", at_least=0.9),
    Rule("rate", "Flask, isolated", "Flask, serve", at_least=0.4),
    Rule("p99", "FastAPI, busy mount isolated", "FastAPI, quiet", at_most=1.5),
    Rule("p99", "FastAPI, busy mount in process", "FastAPI, quiet", at_least=1.5),
    Rule("rate", "Flask, 50 ms waits", "FastAPI, 50 ms waits", at_least=0.6),
]


SUITE = Suite("bridge", CASES, BRIDGE_SERVERS, RULES)
