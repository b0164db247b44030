"""``prepare``: killed anywhere and run again, five at once, and not on foreign databases."""

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contract.engines import register_sqlite_functions
from django_app.exclusive import LOCK
from tests.databases import PostgreSQL, SQLite
from tests.servers import run, running
from tests.wsgi.server import wait_until


def prepare(url: str, *options: str) -> tuple[int, str]:
    result = run("python", "manage.py", "prepare", *options, env={"GATEWAY_DATABASE_URL": url})
    return result.returncode, result.stdout + result.stderr


def execute(url: str, *statements: str) -> list[Any]:
    """Execute statements in one transaction; return the rows of the last."""
    found: list[Any] = []
    with closing(connect(url)) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
            found = cursor.fetchall() if cursor.description else []
        connection.commit()
    return found


def connect(url: str) -> Any:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)
        register_sqlite_functions(connection, "tests")
        return connection
    return psycopg.connect(url)


@pytest.fixture
def empty(migrated: SQLite | PostgreSQL, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if isinstance(migrated, SQLite):
        yield f"sqlite:///{tmp_path / 'other.sqlite3'}"
        return
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE other")
        yield migrated.url.removesuffix("postgres") + "other"
        connection.execute("DROP DATABASE IF EXISTS other WITH (FORCE)")
        connection.execute("DROP DATABASE IF EXISTS template_of_other WITH (FORCE)")


def schema_of(url: str) -> list[Any]:
    """Return everything that a command could have added to a schema."""
    if url.startswith("sqlite"):
        return execute(url, "SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    return execute(url, "SELECT relname FROM pg_class WHERE relnamespace = 2200 ORDER BY relname")


def kill(url: str, count: int, last: int) -> Any:
    """Kill ``prepare`` at many places; return what the next run leaves, always the same."""
    command = ("python", "-m", "tests.database.killing", count, last)
    with running(*command, env={"GATEWAY_DATABASE_URL": url}) as program:
        assert program.wait(600) == 0, program.output
        reports = [json.loads(line) for line in program.output.splitlines()]
    expected = reports[-1]["found"]
    assert [report for report in reports if report["found"] != expected] == []
    assert len(reports) >= last
    assert expected["fault"] is None
    return expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "last"), [(3, 7), pytest.param(60, 0, marks=pytest.mark.thorough)]
)
def test_a_new_database_is_complete_after_any_kill(empty: str, count: int, last: int) -> None:
    found = kill(empty, count, last)
    assert (found["users"], found["accounts"]) == (["Alice", "Bob"], ["admin"])
    assert found["known"] == [True]


def make_previous(url: str) -> str:
    """Prepare a database as it was before the newest migration; return its name."""
    code = "from tests.database.previous import make; print(make())"
    result = run("python", "-c", code, env={"GATEWAY_DATABASE_URL": url})
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, pytest.param(40, marks=pytest.mark.thorough)])
def test_an_upgrade_is_complete_after_any_kill(empty: str, count: int) -> None:
    make_previous(empty)
    keep_as_template(empty)
    found = kill(empty, count, 3)
    assert (found["users"], found["accounts"]) == (["Carol"], [])


def keep_as_template(url: str) -> None:
    """Let each kill begin with a copy of this database."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        execute(url, "PRAGMA journal_mode = DELETE")  # one file, without a log
        file.rename(file.with_name(f"template-of-{file.name}"))
        return
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} RENAME TO template_of_{name}")


@contextmanager
def held_lock(url: str) -> Iterator[None]:
    """Hold the lock that a running ``prepare`` holds."""
    if url.startswith("sqlite"):
        with open(f"{url.removeprefix('sqlite:///')}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield


WAITING = "Another process prepares or restores the database; waiting for it.\n"


def test_one_of_five_prepares_a_new_database_and_the_others_wait(empty: str) -> None:
    command = ("python", "manage.py", "prepare")
    with ExitStack() as stack:
        with held_lock(empty):
            all_five = [
                stack.enter_context(running(*command, env={"GATEWAY_DATABASE_URL": empty}))
                for _ in range(5)
            ]
            wait_until(lambda: all(one.output == WAITING for one in all_five), seconds=60)
        assert [one.wait(60) for one in all_five] == [0] * 5
        said = sorted(one.output.removeprefix(WAITING) for one in all_five)
    assert said[0].startswith("A new database: users Alice and Bob")
    assert said[1:] == ["The database is up to date. There was nothing to apply.\n"] * 4
    assert execute(empty, "SELECT count(*) FROM users") == [(2,)]
    assert execute(empty, "SELECT count(*) FROM auth_user") == [(1,)]


def test_the_wait_for_another_prepare_is_limited(empty: str) -> None:
    with held_lock(empty):
        status, said = prepare(empty, "--wait", "0.1")
    assert (status, schema_of(empty)) == (1, [])
    assert said == (
        f"{WAITING}CommandError: Another process still prepares or restores the database after "
        "0.1 s. Nothing was changed; try again later.\n"
    )


FOREIGN: dict[str, tuple[list[str], str]] = {
    "tables of another application": (
        ["CREATE TABLE orders (id integer)", "CREATE TABLE users (login text)"],
        "The database has tables of another application (orders, users)."
        " Point GATEWAY_DATABASE_URL at an empty database.",
    ),
    "migrations of another application": (
        [
            "CREATE TABLE django_migrations (id serial, app text, name text, applied text)",
            "INSERT INTO django_migrations (id, app, name) VALUES (1, 'auth', '0001_initial'),"
            " (2, 'shop', '0001_initial')",
        ],
        "The database belongs to another application (it has migrations of shop)."
        " Point GATEWAY_DATABASE_URL at an empty database.",
    ),
    "migrations of Django alone": (
        [
            "CREATE TABLE django_migrations (id serial, app text, name text, applied text)",
            "INSERT INTO django_migrations (id, app, name) VALUES (1, 'auth', '0001_initial')",
        ],
        "The database belongs to another application (it has migrations of auth)."
        " Point GATEWAY_DATABASE_URL at an empty database.",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_database_is_refused_before_anything_changes(empty: str, kind: str) -> None:
    statements, reason = FOREIGN[kind]
    execute(empty, *statements)
    before = schema_of(empty)
    assert prepare(empty) == (1, f"CommandError: {reason} Nothing was changed.\n")
    assert schema_of(empty) == before


def test_a_newer_schema_is_refused_before_anything_changes(empty: str) -> None:
    make_previous(empty)
    execute(
        empty,
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('django_app', '9999_of_tomorrow', '2030-01-01')",
    )
    before = schema_of(empty)
    assert prepare(empty) == (
        1,
        "CommandError: The database is newer than this version, which does not know the migrations"
        " django_app.9999_of_tomorrow. Update the checkout. Nothing was changed.\n",
    )
    assert schema_of(empty) == before


def test_an_upgrade_names_its_migrations(empty: str) -> None:
    newest = make_previous(empty)
    assert prepare(empty) == (0, f"The database is up to date. Applied: {newest}.\n")
