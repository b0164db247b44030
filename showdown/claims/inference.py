"""CPU-bound predictions: how many a second, and how long other requests wait meanwhile."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from showdown.bench.databases import Contents
from showdown.bench.load import Load, run_wrk
from showdown.bench.measure import LONGER, Case, check, expect
from showdown.bench.servers import Running, run, settle
from showdown.bench.targets import GUNICORN, UVICORN, Server, Target
from showdown.bench.workloads import WORKLOADS, Workload
from showdown.claims.loads import MODULES
from showdown.claims.model import Claim, Findings, Laboratory
from showdown.claims.verdicts import Condition

PREDICTING, GREETING = 32, 4  # connections
SECONDS = 2
AT_LEAST = 1.25
UNUSED = Contents()  # no request uses a database
PREDICT = Workload("predict", "a prediction", "/api/predict")
# One thread for NumPy's matrix products, because every server has one process on one core.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}

SERVERS = {
    "FastAPI": Server(f"{UVICORN} {MODULES}.predict_fastapi:app", variables=ONE_THREAD),
    "Flask": Server(f"{GUNICORN} {MODULES}.predict_flask:app", variables=ONE_THREAD),
    "Django": Server(f"{GUNICORN} {MODULES}.predict_django:app", variables=ONE_THREAD),
}
ASYNC = Target("predict-async", "FastAPI with async def", "FastAPI", "/async")
DEF = Target("predict-def", "FastAPI with def", "FastAPI", "/def")
FLASK = Target("predict-flask", "Flask", "Flask")
DJANGO = Target("predict-django", "Django", "Django")
TARGETS = (ASYNC, DEF, FLASK, DJANGO)


@dataclass(frozen=True)
class Both:
    """One measurement: predictions a second, and the delay of a greeting meanwhile (p95, ms)."""

    rate: float
    delay: float


Measured = dict[Target, list[Both]]


def experiment(laboratory: Laboratory) -> Findings:
    """Load every target with predictions and greetings at once, alternately."""
    measured: Measured = {target: [] for target in TARGETS}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(run(server, "sqlite:///unused", laboratory.directory))
            for name, server in SERVERS.items()
        }
        # The first round only warms up the servers.
        for number in range(laboratory.rounds + 1):
            for target in TARGETS:
                laboratory.notify(f"inference: round {number}, {target.title}")
                both = load_both(running[target.server], target)
                if number:
                    measured[target].append(both)
    return Findings(judge(measured), table(measured))


def load_both(server: Running, target: Target) -> Both:
    """Request predictions and greetings at the same time.

    Raises:
        ClickException: a request failed, or there was no response to one of both.
    """
    cases = (Case(target, PREDICT, PREDICTING), Case(target, WORKLOADS["hello"], GREETING))
    for case in cases:
        expect(server, case, case.path(UNUSED), UNUSED.cookie)
    loads = load_at_once(server, cases, SECONDS)
    if not all(load.requests for load in loads):
        # On a busy machine, the first greetings may come later than that.
        loads = load_at_once(server, cases, SECONDS * LONGER)
    for case, load in zip(cases, loads, strict=True):
        check(load, server, case, case.path(UNUSED), UNUSED.cookie)
    settle(server)
    return Both(loads[0].rate, loads[1].p95)


def load_at_once(server: Running, cases: Sequence[Case], seconds: int) -> list[Load]:
    """Run one load generator for each case, all at the same time."""

    def load(case: Case) -> Load:
        return run_wrk(server.port, case.path(UNUSED), "GET", case.connections, seconds)

    with ThreadPoolExecutor(len(cases)) as pool:
        return list(pool.map(load, cases))


def judge(measured: Measured) -> list[Condition]:
    """Compare FastAPI, with ``async def`` and with ``def``, to the others round by round."""
    conditions = []
    for mode, one in (("async def", ASYNC), ("def", DEF)):
        for other in (FLASK, DJANGO):
            rounds = list(zip(measured[one], measured[other], strict=True))
            more = [fastapi.rate / sync.rate for fastapi, sync in rounds]
            sooner = [sync.delay / fastapi.delay for fastapi, sync in rounds]
            conditions += [
                Condition(f"predictions with {mode}: FastAPI to {other.title}", more, AT_LEAST),
                Condition(
                    f"delay of hello with {mode}: {other.title} to FastAPI", sooner, AT_LEAST
                ),
            ]
    return conditions


def table(measured: Measured) -> list[dict[str, Any]]:
    """Return the medians, as table rows."""
    return [
        {
            "target": target.title,
            "predictions/s": round(median(both.rate for both in values)),
            "p95 ms of hello": round(median(both.delay for both in values), 1),
        }
        for target, values in measured.items()
    ]


INFERENCE = Claim(
    "inference",
    "Machine learning model serving commonly uses FastAPI because of its performance and automatic"
    " documentation.",
    "With a model that computes for 1 to 3 ms (NumPy, one core) and"
    f" {PREDICTING} connections, FastAPI answers at least {AT_LEAST} times as many predictions a"
    f" second as Flask and as Django on gunicorn (32 threads), and the 95th percentile of"
    f" /api/hello meanwhile is at least {AT_LEAST} times as long in those two. Both with async def,"
    " which computes on the event loop, and with def, which computes in a thread.",
    experiment=experiment,
    servers={f"inference, {name}": server for name, server in SERVERS.items()},
)
