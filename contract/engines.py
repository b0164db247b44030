"""SQLAlchemy engines on the one database: sync for Flask, async for FastAPI."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contract.private_files import protect_database
from contract.settings import Settings

# What SQLAlchemy raises when the database is down or locked, or the pool exhausted.
UNAVAILABLE = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
UNDEFINED_TABLE = "42P01"


def is_table_missing(error: BaseException) -> bool:
    """Tell whether PostgreSQL misses a table: what SQLite calls an operational error.

    Works for SQLAlchemy's errors and Django's: both are raised from the driver's own.
    """
    return getattr(error.__cause__, "sqlstate", None) == UNDEFINED_TABLE


def create_sync_engine(settings: Settings, framework: str) -> Engine:
    """Create Flask's engine: a connection for each thread of its mount.

    Args:
        framework: what the events of its changes are marked with.
    """
    url, options = _describe(settings, framework, sqlite="sqlite+pysqlite")
    engine = create_engine(url, **options)
    _prepare_sqlite(engine, framework)
    return engine


def create_asyncio_engine(settings: Settings, framework: str) -> AsyncEngine:
    """Create FastAPI's engine: as many connections as the WSGI mounts have, for a fair race."""
    url, options = _describe(settings, framework, sqlite="sqlite+aiosqlite")
    engine = create_async_engine(url, **options)
    _prepare_sqlite(engine.sync_engine, framework)
    return engine


def register_sqlite_functions(connection: Any, framework: str) -> None:
    """Teach an SQLite connection (``sqlite3`` or its async twin) what PostgreSQL knows by itself.

    That is Unicode's lower case, because SQLite folds ASCII only and a search must find the same;
    and who is connected, which the trigger of the events asks for.
    """
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.create_function("framework", 0, lambda: framework)


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _describe(settings: Settings, framework: str, *, sqlite: str) -> tuple[URL, dict[str, Any]]:
    """Return the URL with its driver and the engine's options."""
    protect_database(settings.database_url)
    url = make_url(settings.database_url)
    options: dict[str, Any] = {
        "pool_size": settings.threads,
        "max_overflow": 0,
        "pool_timeout": settings.database_timeout,
        # People's names and addresses do not belong into logs.
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        # Readers run without a transaction; a write begins immediately and waits for its turn,
        # where one that upgrades from reading fails at once with "database is locked".
        arguments = {"isolation_level": "IMMEDIATE", "timeout": settings.database_timeout}
        return url.set(drivername=sqlite), {**options, "connect_args": arguments}
    # pool_pre_ping replaces connections that a restart of the server has cut.
    arguments = {
        "connect_timeout": max(1, round(settings.database_timeout)),
        "application_name": framework,
    }
    return url.set(drivername="postgresql+psycopg"), {
        **options,
        "pool_pre_ping": True,
        "connect_args": arguments,
    }


def _prepare_sqlite(engine: Engine, framework: str) -> None:
    """Set up each new SQLite connection like Django's: write-ahead log, Unicode lower()."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        register_sqlite_functions(connection, framework)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()
