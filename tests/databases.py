"""Real databases for the suite: created and migrated once, reset for each test."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from showdown.bench.postgresql import Cluster, Missing
from showdown.bench.postgresql import free_port as free_port

# The tables that tests write to, other than those of accounts and sessions.
TABLES = [
    *("users", "user_events", "webhook_messages", "webhook_subjects", "exports"),
    *("day_statistics", "framework_counts", "watermarks"),
    *("worker_processes", "django_tasks_database_dbtaskresult"),
]
# Number all events that are committed, also if another process is doing so. PostgreSQL only.
NUMBER_EVENTS = """
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(7236411);
    WHILE (SELECT more FROM number_user_events(true)) LOOP END LOOP;
END $$
"""


def migrate() -> None:
    """Prepare the database of the settings, as ``make run`` does."""
    from django.core.management import call_command

    from django_app.project import set_up

    set_up()
    call_command("prepare")


class SQLite:
    """A file, and a copy of it after the migrations."""

    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        self.path = directory / "test.sqlite3"
        self.template = directory / "template.sqlite3"
        self.url = f"sqlite:///{self.path}"

    @contextmanager
    def run(self) -> Iterator[None]:
        migrate()
        self.copy(self.path, self.template)
        yield

    def reset(self) -> None:
        self.copy(self.template, self.path)

    @staticmethod
    def copy(source: Path, target: Path) -> None:
        # SQLite's own backup respects the locks of open connections.
        origin, copy = sqlite3.connect(source), sqlite3.connect(target, timeout=10)
        origin.backup(copy)
        origin.close()
        copy.close()


class PostgreSQL(Cluster):
    """A server for the suite, on a free port, in a directory that is deleted with it."""

    name = "postgresql"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "postgresql", "-c fsync=off")

    @contextmanager
    def run(self) -> Iterator[None]:
        with self.serving():
            migrate()
            yield

    def create(self) -> None:
        try:
            super().create()
        except Missing as error:
            missing(str(error))

    def reset(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(NUMBER_EVENTS)  # and nobody else does so until the commit
            tables = [*TABLES, "pending_user_events", "user_event_numbering"]
            connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
            connection.execute(
                "INSERT INTO users (name, email) VALUES"
                " ('Alice', 'alice@example.com'), ('Bob', 'bob@example.com')"
            )
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            connection.execute(NUMBER_EVENTS)


@contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """Run a Redis server without files until the block ends; yield its URL once it answers."""
    program = shutil.which("redis-server")
    if program is None:
        missing("Redis is not installed (Debian: apt-get install redis-server)")
    port = port or free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for_port(process, port)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for_port(process: subprocess.Popen[bytes], port: int, seconds: float = 20) -> None:
    """Try to connect until the port is open."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the port is not open"
            # The pause between two attempts.
            time.sleep(0.02)


def missing(what: str) -> NoReturn:
    """Skip the test for lack of a program; in CI, fail it, because there nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
