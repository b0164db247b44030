"""SQLAlchemy engines for the shared database: synchronous for Flask, asynchronous for FastAPI."""

from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contract.addresses import File, parse_address
from contract.postgresql import (
    BoundedAsyncConnection,
    BoundedConnection,
    connection_parameters,
)
from contract.private_files import protect_database
from contract.settings import Settings
from contract.sqlite import ClosingConnection

# SQLAlchemy's errors for a database that is down or locked, and for an exhausted pool.
UNAVAILABLE = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
UNDEFINED_TABLE = "42P01"


def is_table_missing(error: BaseException) -> bool:
    """Return whether an error of PostgreSQL is a missing table; SQLite's is an OperationalError.

    The error may be SQLAlchemy's or Django's: the cause of both is the error of the driver.
    """
    return getattr(error.__cause__, "sqlstate", None) == UNDEFINED_TABLE


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether a failed commit may have been done: the server's answer did not arrive.

    Args:
        error: SQLAlchemy's or Django's.
    """
    driver = error.__cause__
    # SQLSTATE: none without an answer; 57P01 and the like when the server ends the connection.
    return isinstance(driver, psycopg.Error) and (driver.sqlstate or "57")[:2] in ("08", "57")


def create_sync_engine(settings: Settings, framework: str) -> Engine:
    """Create Flask's engine, with one connection for each thread of the mount.

    Args:
        framework: the name that is stored with the events of its changes.
    """
    url, options = _describe(settings, framework, sqlite="sqlite+pysqlite")
    engine = create_engine(url, **options)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", _connect)
    _prepare_sqlite(engine, framework)
    return engine


def create_asyncio_engine(settings: Settings, framework: str) -> AsyncEngine:
    """Create FastAPI's engine, with as many connections as a WSGI mount has, for a fair race."""
    url, options = _describe(settings, framework, sqlite="sqlite+aiosqlite")
    if url.get_backend_name() == "postgresql":
        # SQLAlchemy's name for the coroutine function that connects.
        options["connect_args"]["async_creator_fn"] = BoundedAsyncConnection.connect
    engine = create_async_engine(url, **options)
    _prepare_sqlite(engine.sync_engine, framework)
    return engine


def register_sqlite_functions(connection: Any, framework: str) -> None:
    """Register a function on an SQLite connection (``sqlite3`` or ``aiosqlite``).

    ``framework()`` returns the name that the triggers store with each event; PostgreSQL has
    ``application_name`` for that.
    """
    connection.create_function("framework", 0, lambda: framework)


def _connect(
    _dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]
) -> BoundedConnection:
    return BoundedConnection.connect(**parameters)


def _describe(settings: Settings, framework: str, *, sqlite: str) -> tuple[URL, dict[str, Any]]:
    """Return the URL with its driver and the engine's options."""
    protect_database(settings.database_url)
    address = parse_address(settings.database_url)
    options: dict[str, Any] = {
        "pool_size": settings.threads,
        "max_overflow": 0,
        "pool_timeout": settings.database_timeout,
        # Names and email addresses must not appear in logs.
        "hide_parameters": True,
    }
    if isinstance(address, File):
        # A write starts its transaction with BEGIN IMMEDIATE and waits for the lock. A transaction
        # that turns from reading to writing would fail at once with "database is locked".
        arguments = {
            "isolation_level": "IMMEDIATE",
            "timeout": settings.database_timeout,
            "factory": ClosingConnection,
        }
        url = URL.create(sqlite, database=str(address.path))
        return url, {**options, "connect_args": arguments}
    arguments = connection_parameters(address, framework, settings.database_timeout)
    # pool_pre_ping replaces connections that were lost when the server restarted.
    options |= {"pool_pre_ping": True, "connect_args": arguments}
    return URL.create("postgresql+psycopg"), options


def _prepare_sqlite(engine: Engine, framework: str) -> None:
    """Prepare each new SQLite connection as Django does: write-ahead log and functions."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        register_sqlite_functions(connection, framework)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()
