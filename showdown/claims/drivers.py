"""The same driver in both modes, and the driver alone against the ORMs, on PostgreSQL."""

from showdown.bench.targets import UVICORN, Server, Target
from showdown.claims.django_async import SLIM
from showdown.claims.django_async import SYNC as DJANGO_SYNC
from showdown.claims.loads import CONCURRENT, DJANGO, FLASK, MODULES, versus
from showdown.claims.model import Claim

SERVERS = {"drivers": Server(f"{UVICORN} {MODULES}.drivers_fastapi:app", pools=4)}


def variant(mode: str, library: str, title: str) -> Target:
    """Return one of the four lists of users in FastAPI."""
    return Target(f"{mode}-{library}", title, "drivers", f"/{mode}/{library}")


SYNC = variant("sync", "psycopg", "FastAPI with def and psycopg")
ASYNC = variant("async", "psycopg", "FastAPI with async def and psycopg")
SYNC_ORM = variant("sync", "sqlalchemy", "FastAPI with def and SQLAlchemy")
ASYNC_ORM = variant("async", "sqlalchemy", "FastAPI with async def and SQLAlchemy")
DJANGO_RAW = Target("django-raw", "Django with psycopg's cursor", "slim-sync", "/raw")

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
        comparison
        for orm, driver in ((SYNC_ORM, SYNC), (ASYNC_ORM, ASYNC), (DJANGO_SYNC, DJANGO_RAW))
        for comparison in versus(orm, [driver], ["users"], CONCURRENT[:1], 0.8)
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
    versus(ASYNC, [FLASK, DJANGO], ["users"], CONCURRENT[:1], 3),
    servers=SERVERS,
    databases=["postgresql"],
)
