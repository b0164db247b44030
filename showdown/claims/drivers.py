"""The same driver in both modes, and the driver alone against the ORMs, on PostgreSQL."""

from collections.abc import Sequence

from showdown.bench.postgresql import Missing
from showdown.bench.targets import UVICORN, Server, Target
from showdown.claims.loads import CONCURRENT, MODULES, SERVERS, versus
from showdown.claims.measuring import measure_comparisons, own_postgresql
from showdown.claims.model import Claim, Comparison, Findings, Laboratory

DRIVERS = Server(f"{UVICORN} {MODULES}.drivers_fastapi:app", pools=4)
SLIM = SERVERS["slim-sync"]


def variant(mode: str, library: str, title: str) -> Target:
    """Return one of the four lists of users in FastAPI."""
    return Target(f"{mode}-{library}", title, "drivers", f"/{mode}/{library}")


SYNC = variant("sync", "psycopg", "FastAPI with def and psycopg")
ASYNC = variant("async", "psycopg", "FastAPI with async def and psycopg")
SYNC_ORM = variant("sync", "sqlalchemy", "FastAPI with def and SQLAlchemy")
ASYNC_ORM = variant("async", "sqlalchemy", "FastAPI with async def and SQLAlchemy")
DJANGO_ORM = Target("django-orm", "Django with its ORM", "slim-sync")
DJANGO_RAW = Target("django-raw", "Django with psycopg's cursor", "slim-sync", "/raw")

MODES = versus(ASYNC, [SYNC], ["users"], CONCURRENT, 1.25)
ORMS = [
    comparison
    for orm, driver in ((SYNC_ORM, SYNC), (ASYNC_ORM, ASYNC), (DJANGO_ORM, DJANGO_RAW))
    for comparison in versus(orm, [driver], ["users"], CONCURRENT[:1], 0.8)
]


def on_postgresql(comparisons: Sequence[Comparison], name: str, laboratory: Laboratory) -> Findings:
    """Measure on a PostgreSQL server of this experiment, if it is installed."""
    servers = {"drivers": DRIVERS, "slim-sync": SLIM}
    try:
        with own_postgresql(laboratory, name) as found:
            return measure_comparisons(comparisons, servers, found, laboratory)
    except Missing as error:
        return Findings([], left_out=[str(error)])


ASYNC_DRIVER = Claim(
    "async-driver",
    "The async def syntax enables non-blocking I/O, which improves throughput significantly under"
    " concurrent load.",
    "With the same driver in both modes, psycopg on PostgreSQL with a pool of 32 connections,"
    " FastAPI with async def answers at least 1.25 times as many lists of 20 users a second as"
    " FastAPI with def (32 threads), with 64 and with 512 connections. SQLite has no driver in both"
    " modes: aiosqlite is sqlite3 in a thread.",
    experiment=lambda laboratory: on_postgresql(MODES, "async-driver", laboratory),
    servers={"async-driver, FastAPI": DRIVERS},
)
RAW_QUERY = Claim(
    "raw-query",
    "The ORM handles database interactions, while the framework manages migrations, security, and"
    " request lifecycle automatically.",
    "The ORM costs little: on PostgreSQL, it answers at least 0.8 times as many lists of 20 users a"
    " second as the same statement given to psycopg itself, with 64 connections. SQLAlchemy in"
    " FastAPI with def and with async def, and Django's ORM in Django.",
    experiment=lambda laboratory: on_postgresql(ORMS, "raw-query", laboratory),
    servers={"raw-query, FastAPI": DRIVERS, "raw-query, Django": SLIM},
)
