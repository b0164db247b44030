"""The databases of the measured servers: filled before the run, restored after it."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
import psycopg

from contract.settings import BASE_DIR
from showdown.bench.load import EMAIL_START
from showdown.bench.servers import environment
from showdown.bench.targets import Server
from showdown.bench.workloads import SEEDED_USERS

LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
Connection = psycopg.Connection[Any]
LONGEST = "3600"  # seconds for a statement: a million users take minutes to index
SQLITE = f"SQLite {sqlite3.sqlite_version}"


@dataclass(frozen=True)
class Contents:
    """What a database has, for the paths of the workloads.

    Attributes:
        user: the id of a user.
        middle: the id of the user in the middle of the table.
        needle, absent: searches that find that user, and nobody; percent-encoded.
        cookie: of a member of staff who is logged in.
    """

    user: int = 1
    middle: int = 1
    needle: str = "alice@"
    absent: str = "nobody@"
    cookie: str = ""


class Databases(Protocol):
    """Provides each server's database.

    Attributes:
        version: the database system and its version.
    """

    version: str

    def url_for(self, name: str) -> str:
        """Return the URL of a server's database."""

    def contents_for(self, name: str) -> Contents:
        """Return what a server's database has."""


@dataclass
class SQLiteFiles:
    """One SQLite file per server; all are copies of the same file."""

    directory: Path
    contents: Contents = Contents()
    version: str = f"{SQLITE}, a file for each server"

    def url_for(self, name: str) -> str:
        path = self.directory / f"{name}.sqlite3"
        if not path.exists():
            template = self.directory / "template.sqlite3"
            with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as to:
                source.backup(to)
        return f"sqlite:///{path}"

    def contents_for(self, _name: str) -> Contents:
        return self.contents


@dataclass
class Shared:
    """One PostgreSQL database for all servers."""

    url: str
    version: str
    contents: Contents
    free_connections: int

    def url_for(self, _name: str) -> str:
        return self.url

    def contents_for(self, _name: str) -> Contents:
        return self.contents


def prepare(url: str) -> None:
    """Create the tables, as ``make run`` does."""
    run_program(url, "manage.py", "prepare")


def fill(url: str, users: int, notify: Callable[[str], None] = lambda _line: None) -> Contents:
    """Create the tables and add users, with their events and all else that belongs to them.

    Args:
        notify: called with each line about the progress.
    """
    prepare(url)
    last = run_program(url, "-m", "showdown.bench.filling", str(users), notify=notify)
    return Contents(**json.loads(last))


def run_program(
    url: str, *arguments: str, notify: Callable[[str], None] = lambda _line: None
) -> str:
    """Run a Python program in the environment of the measured servers; return its last line.

    Raises:
        ClickException: it failed; includes what it has written.
    """
    lines = [""]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env={**environment(Server(""), url), "GATEWAY_DATABASE_TIMEOUT": LONGEST},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.strip())
                notify(lines[-1])
        # Whatever ends the loop, also Ctrl-C: leaving the block would wait for the program.
        except BaseException:
            process.kill()
            raise
        if process.wait():
            errors.seek(0)
            raise click.ClickException(f"Preparing the database failed: {errors.read()}")
    return lines[-1]


def make_sqlite_files(directory: Path) -> SQLiteFiles:
    """Create the file that each server gets a copy of."""
    contents = fill(f"sqlite:///{directory / 'template.sqlite3'}", SEEDED_USERS)
    return SQLiteFiles(directory, contents)


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
        contents = fill(url, SEEDED_USERS)
        try:
            yield _describe(connection, url, contents)
        finally:
            remove(connection, contents)


def _is_socket(host: str) -> bool:
    return os.path.isabs(host)


def _has_users(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('users')").fetchone()
    if row is None or row[0] is None:
        return False
    # After the first `make run` there are two: the article's.
    found = connection.execute("SELECT count(*) FROM users").fetchone()
    return found is not None and found[0] > 2


def remove(connection: Connection, contents: Contents) -> None:
    """Delete all users that a benchmark has added, and the account of its member of staff."""
    connection.execute("DELETE FROM users WHERE email LIKE %s", [f"{EMAIL_START}%"])
    key = contents.cookie.removeprefix("sessionid=")
    connection.execute("DELETE FROM django_session WHERE session_key = %s", [key])
    connection.execute("DELETE FROM auth_user WHERE username LIKE %s", [f"{EMAIL_START}%"])


def describe_postgresql(connection: Connection) -> str:
    """Return the name and the version of the server."""
    version = connection.info.server_version
    return f"PostgreSQL {version // 10000}.{version % 10000}"


def _describe(connection: Connection, url: str, contents: Contents) -> Shared:
    row = connection.execute(
        "SELECT current_setting('max_connections')::int - count(*)::int - 5 FROM pg_stat_activity"
    ).fetchone()
    assert row is not None
    return Shared(url, describe_postgresql(connection), contents, row[0])
