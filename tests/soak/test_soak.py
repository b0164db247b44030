"""Minutes (or some seconds) of mixed traffic and faults: nothing leaks, nothing is lost."""

import asyncio
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median

import psycopg
import pytest
from rich.console import Console

from tests.database.test_outage import prepare
from tests.databases import PostgreSQL, free_port
from tests.servers import serve
from tests.soak.cycles import Plan, Soak
from tests.soak.measures import growth
from tests.soak.report import report

THREADS = 4
MAX_REQUESTS = 100
WAITS = {"flask": 2 * THREADS, "django": 2 * THREADS, "fastapi": MAX_REQUESTS + 10}
# Connections to the database, including the one that listens for events. If FastAPI was opening a
# connection when its client left, that one stays until Python collects it.
POOLS = Counter({"flask": THREADS, "django": THREADS, "fastapi": 2 * THREADS, "fastapi events": 1})
GROWTH = 12.0  # MiB
FACTOR = 2.0  # of a healthy mount's median latency, while another is stuck
# Users stored in advance, so that an export exceeds a socket's buffers, 4 MiB on Linux.
FILLED = 40_000
LONG_NAME = 90

pytestmark = pytest.mark.slow

SHORT = Plan(length=0, quiet=0, storm=0.3)
LONG = Plan(length=0, quiet=4, storm=3)

ENV = {
    "GATEWAY_THREADS": str(THREADS),
    "GATEWAY_MAX_REQUESTS": str(MAX_REQUESTS),
    "GATEWAY_DATABASE_TIMEOUT": "5",
    "GATEWAY_HEAD_TIMEOUT": "2",
    "GATEWAY_BODY_TIMEOUT": "2",
    "GATEWAY_SEND_TIMEOUT": "1",
    "GATEWAY_REQUEST_TIMEOUT": "4",
    "GATEWAY_MAX_BODY_SIZE": "1000000",
}

SATURATED = {"503", "504"}  # possible for any visit
# Further outcomes that a rude client's visit may have.
OUTCOMES = {
    "leaves_in_the_head": {"left"},
    "leaves_in_the_body": {"left"},
    "leaves_without_the_answer": {"left"},
    "leaves_in_the_answer": {"left"},
    "listens_and_leaves": {"left"},
    "upgrades_and_leaves": {"101", "403"},
    "sends_hostile_json": {"400", "422"},
    "sends_too_much": {"413", "closed"},
    "sends_a_slow_head": {"408", "closed"},
    "sends_a_slow_body": {"408", "closed"},
    # A busy gateway may not have filled the buffers before the client continues to read.
    "stops_reading": {"closed", "held"},
}

# If the database goes down during a response, an error cuts the response off.
EXCUSED_ERRORS = (
    "psycopg.",
    "sqlalchemy.exc.OperationalError: (psycopg.",
    "RuntimeError: Caught handled exception, but response already started.",
    # From FastAPI's own event stream, if a client leaves while an event is sent.
    "anyio.BrokenResourceError",
)


def fill(database: PostgreSQL) -> None:
    """Insert many users, without an event for each."""
    with psycopg.connect(database.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO users (name, email)"
            " SELECT rpad('user ' || n, %s, '.'), n || '@example.com'"
            " FROM generate_series(1, %s) AS n",
            [LONG_NAME, FILLED],
        )


@pytest.fixture(scope="module")
def plan(pytestconfig: pytest.Config) -> Plan:
    minutes = pytestconfig.getoption("soak_minutes")
    return replace(LONG, length=minutes * 60) if minutes else SHORT


@pytest.fixture(scope="module")
def soak(plan: Plan) -> Soak:
    """The finished soak, shared by all tests."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("The soak reads /proc")
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        database = PostgreSQL(Path(directory))
        with database.serving():
            prepare(database.url)
            fill(database)
            return run(plan, database)


def run(plan: Plan, database: PostgreSQL) -> Soak:
    """Run a soak with a gateway of its own."""
    port = free_port()
    env = {**ENV, "GATEWAY_DATABASE_URL": database.url}
    command = ("gateway", "serve", "--port", port)
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, origin=origin, path="/django/api/users/1", env=env) as server:
        soak = Soak(server, port, database, WAITS, plan)
        try:
            asyncio.run(soak.run())
        finally:
            soak.log = server.output
            Console().print(report(soak))
    return soak


def test_memory_threads_files_and_connections_stay_flat(soak: Soak) -> None:
    samples = soak.samples
    assert growth([sample.memory for sample in samples]) < GROWTH
    assert growth([sample.threads for sample in samples]) <= 4
    assert growth([sample.files - sample.connections for sample in samples]) <= 2
    for sample in samples:
        assert sample.pools <= POOLS


def test_every_acknowledged_write_is_stored(soak: Soak) -> None:
    assert soak.ledger.acknowledged > 20
    assert soak.ledger.compare(soak.stored) == []


def test_only_saturated_mounts_and_outages_cause_503_or_504(soak: Soak) -> None:
    assert soak.restarts == len(soak.samples)
    assert {503, 504} <= {*soak.answers.counts}
    assert soak.answers.failures == []


def test_rude_clients_are_refused_or_cut_off(soak: Soak) -> None:
    seen = soak.rude.outcomes.keys()
    assert {kind for kind, _ in seen} == {*OUTCOMES}
    assert ("stops_reading", "closed") in seen
    assert [(kind, end) for kind, end in seen if end not in OUTCOMES[kind] | SATURATED] == []


def test_listeners_miss_no_event_and_see_none_twice(soak: Soak) -> None:
    assert len(soak.events) > 20
    for listener in soak.listeners:
        assert listener.seen[: len(soak.events)] == soak.events


def test_only_the_database_outage_is_logged_as_an_error(soak: Soak) -> None:
    assert [error for error in soak.errors if not error.startswith(EXCUSED_ERRORS)] == []
    # SQLAlchemy's message about a connection that was not returned.
    assert "non-checked-in" not in soak.log


def test_healthy_mounts_keep_their_latency_while_another_is_stuck(soak: Soak) -> None:
    if not soak.plan.quiet:
        pytest.skip("only make soak measures speed")
    assert len(soak.ratios) == 6
    for ratios in soak.ratios.values():
        assert median(ratios) < FACTOR
