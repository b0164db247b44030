"""The databases of the measured servers: filled before the run, restored after it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
import psycopg

from contract.engines import register_sqlite_functions
from contract.settings import BASE_DIR
from showdown.bench.load import EMAIL_START, new_email
from showdown.bench.servers import environment
from showdown.bench.targets import Server
from showdown.bench.workloads import SEEDED_USERS

LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
Connection = psycopg.Connection[Any]
INSERT = "INSERT INTO users (name, email) VALUES "


class Databases(Protocol):
    """Provides each server's database.

    Attributes:
        version: the database system and its version.
        user: the id of a user who exists in each database.
    """

    version: str
    user: int

    def url_for(self, name: str) -> str:
        """Return the URL of a server's database."""


@dataclass
class SQLiteFiles:
    """One SQLite file per server; all are copies of the same file."""

    directory: Path
    version: str = f"SQLite {sqlite3.sqlite_version}, a file for each server"
    user: int = 3

    def url_for(self, name: str) -> str:
        path = self.directory / f"{name}.sqlite3"
        if not path.exists():
            template = self.directory / "template.sqlite3"
            with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as to:
                source.backup(to)
        return f"sqlite:///{path}"


@dataclass
class Shared:
    """One PostgreSQL database for all servers."""

    url: str
    version: str
    user: int
    free_connections: int

    def url_for(self, name: str) -> str:
        return self.url


def prepare(url: str) -> None:
    """Create the tables, as ``make run`` does."""
    run = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=BASE_DIR,
        env=environment(Server(""), url),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if run.returncode:
        raise click.ClickException(f"Preparing the database failed: {run.stderr}")


def make_sqlite_files(directory: Path) -> SQLiteFiles:
    """Create the file that each server gets a copy of."""
    template = directory / "template.sqlite3"
    prepare(f"sqlite:///{template}")
    with closing(sqlite3.connect(template)) as connection, connection:
        register_sqlite_functions(connection, "bench")
        connection.executemany(INSERT + "(?, ?)", seeds())
    return SQLiteFiles(directory)


def seeds() -> list[tuple[str, str]]:
    """Return the users to list; their email addresses differ from those of all other users."""
    return [(f"User {number}", f"{new_email()}@example.com") for number in range(SEEDED_USERS)]


@contextmanager
def share_postgresql(url: str, allowed: bool) -> Iterator[Shared]:
    """Add users to a PostgreSQL database on this machine, and delete them at the end.

    Args:
        allowed: also use a database that already has users; the benchmark never changes those.
    """
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.Error as error:
        raise click.ClickException(f"Cannot use the database: {error}") from error
    with connection:
        if (connection.info.host or "") not in LOOPBACK and not _is_socket(connection.info.host):
            raise click.ClickException("--database must be on this machine")
        if not allowed and _has_users(connection):
            raise click.ClickException(
                "This database already has users. With --yes, the benchmark adds its own users"
                f" ({EMAIL_START}…@example.com) and at the end deletes those, and no others."
            )
        prepare(url)
        connection.cursor().executemany(INSERT + "(%s, %s)", seeds())
        try:
            yield _describe(connection, url)
        finally:
            connection.execute("DELETE FROM users WHERE email LIKE %s", [f"{EMAIL_START}%"])


def _is_socket(host: str) -> bool:
    return os.path.isabs(host)


def _has_users(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('users')").fetchone()
    if row is None or row[0] is None:
        return False
    # After the first `make run` there are two: the article's.
    found = connection.execute("SELECT count(*) FROM users").fetchone()
    return found is not None and found[0] > 2


def _describe(connection: Connection, url: str) -> Shared:
    def number(statement: str, *values: str) -> int:
        row = connection.execute(statement.encode(), values or None).fetchone()
        assert row is not None
        return int(row[0])

    limit = number("SELECT current_setting('max_connections')::int")
    used = number("SELECT count(*)::int FROM pg_stat_activity")
    user = number("SELECT min(id)::bigint FROM users WHERE email LIKE %s", f"{EMAIL_START}%")
    version = connection.info.server_version
    return Shared(url, f"PostgreSQL {version // 10000}.{version % 10000}", user, limit - used - 5)
