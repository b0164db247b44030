"""What is stored, read over connections of the soak's own."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from contract.engines import register_sqlite_functions
from tests.databases import NUMBER_EVENTS, PostgreSQL, SQLite
from tests.soak.listeners import Event

RETRY = 0.1  # seconds until the next attempt to read
PATIENCE = 60.0  # seconds for SQLite's lock
EVENTS = "SELECT id, action, email, name FROM user_events ORDER BY id"
USERS = "SELECT email, name FROM users"
JOBS = "SELECT status, count(*) FROM django_tasks_database_dbtaskresult GROUP BY status"
OPEN_EXPORTS = "SELECT count(*) FROM exports WHERE finished_at IS NULL"

Rows = list[tuple[Any, ...]]


class Stored:
    """The database, also while faults happen to it."""

    def __init__(self, database: SQLite | PostgreSQL) -> None:
        self.database = database

    async def users(self) -> dict[str, str]:
        """Return the names by email address."""
        return dict(await self.some(USERS))

    async def events(self) -> list[Event]:
        """Return all events."""
        return [Event(*row) for row in await self.some(EVENTS)]

    async def jobs(self) -> dict[str, int]:
        """Return the number of jobs by status."""
        return dict(await self.query(JOBS))

    async def has_open_jobs(self) -> bool:
        """Return whether a job or an export has not ended."""
        ((exports,),) = await self.some(OPEN_EXPORTS)
        return bool(exports or (await self.jobs()).keys() - {"SUCCESSFUL", "FAILED"})

    async def some(self, statement: str) -> Rows:
        """Execute a statement that returns rows, until no fault prevents it."""
        while not (rows := await self.query(statement)):
            await asyncio.sleep(RETRY)
        return rows

    async def query(self, statement: str, *values: object) -> Rows:
        """Execute a statement; no row if a fault prevents it."""
        return await asyncio.to_thread(self._query, statement, values)

    def _query(self, statement: str, values: tuple[object, ...]) -> Rows:
        if isinstance(self.database, SQLite):
            with self.open_sqlite() as file:
                return file.execute(statement, values).fetchall()
        try:
            with psycopg.connect(self.database.url, application_name="soak") as connection:
                if statement == EVENTS:
                    connection.execute(NUMBER_EVENTS)
                return connection.execute(statement, values or None).fetchall()
        except psycopg.OperationalError:
            return []

    @contextmanager
    def open_sqlite(self) -> Iterator[sqlite3.Connection]:
        """Connect to SQLite's file until the block ends."""
        assert isinstance(self.database, SQLite)
        with closing(
            sqlite3.connect(
                self.database.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        ) as file:
            register_sqlite_functions(file, "soak")
            yield file
