"""The same driver in both modes, and the driver alone against the ORMs, on PostgreSQL."""

from showdown.bench.measure import Case
from showdown.bench.targets import UVICORN, Server, Target
from showdown.bench.workloads import WORKLOADS
from showdown.claims.django_async import SLIM
from showdown.claims.django_async import SYNC as DJANGO_SYNC
from showdown.claims.loads import CONCURRENT, DJANGO, FLASK, MODULES, versus
from showdown.claims.model import Claim, Comparison

SERVERS = {"drivers": Server(f"{UVICORN} {MODULES}.drivers_fastapi:app", pools=4)}


def variant(mode: str, library: str, title: str) -> Target:
    """Return one of the four lists of users in FastAPI."""
    return Target(f"{mode}-{library}", title, "drivers", f"/{mode}/{library}")


SYNC = variant("sync", "psycopg", "FastAPI with def and psycopg")
ASYNC = variant("async", "psycopg", "FastAPI with async def and psycopg")
SYNC_ORM = variant("sync", "sqlalchemy", "FastAPI with def and SQLAlchemy")
ASYNC_ORM = variant("async", "sqlalchemy", "FastAPI with async def and SQLAlchemy")
DJANGO_RAW = Target("django-raw", "Django with psycopg's cursor", "slim-sync", "/raw")

SOME = CONCURRENT[0]


def compare(name: str, orm: Target, driver: Target) -> Comparison:
    """Compare an ORM with the driver below it."""
    users = WORKLOADS["users"]
    title = f"{name}, {SOME} connections: to psycopg"
    return Comparison(title, Case(orm, users, SOME), Case(driver, users, SOME), 0.8)


ASYNC_DRIVER = Claim(
    "async-driver",
    "The async def syntax enables non-blocking I/O, which improves throughput significantly under"
    " concurrent load.",
    "With the same driver in both modes, psycopg on PostgreSQL with a pool of 32 connections,"
    " FastAPI with async def answers at least 1.25 times as many lists of 20 users a second as"
    " FastAPI with def (32 threads), with 64 and with 512 connections. SQLite has no driver with"
    " both modes: aiosqlite is sqlite3 in a thread.",
    versus(ASYNC, [SYNC], ["users"], CONCURRENT, 1.25),
    servers=SERVERS,
    databases=["postgresql"],
)
RAW_QUERY = Claim(
    "raw-query",
    "The ORM handles database interactions, while the framework manages migrations, security, and"
    " request lifecycle automatically.",
    "The ORM costs little: on PostgreSQL, it answers at least 0.8 times as many lists of 20 users a"
    " second as the same statement given to psycopg itself, with 64 connections. SQLAlchemy in"
    " FastAPI with def and with async def, and Django's ORM in Django. SQLAlchemy reads in a"
    " transaction, as it does by default, the others in autocommit; every pool checks a connection"
    " before it is used.",
    [
        compare("SQLAlchemy in FastAPI with def", SYNC_ORM, SYNC),
        compare("SQLAlchemy in FastAPI with async def", ASYNC_ORM, ASYNC),
        compare("Django's ORM", DJANGO_SYNC, DJANGO_RAW),
    ],
    servers={**SERVERS, "slim-sync": SLIM["slim-sync"]},
    databases=["postgresql"],
)
FASTER_DRIVER = Claim(
    "faster-driver",
    "Benchmark tests regularly show FastAPI handling 3-5x more requests per second than"
    " synchronous frameworks under concurrent load.",
    "Such a test on PostgreSQL compares a driver with ORMs: FastAPI with psycopg answers at least 3"
    " times as many lists of 20 users a second as Flask with SQLAlchemy and as Django with its ORM,"
    " with 64 connections.",
    versus(ASYNC, [FLASK, DJANGO], ["users"], [SOME], 3),
    servers=SERVERS,
    databases=["postgresql"],
)
