"""Every way of changing users leaves events, also those of scripts that use only the database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from contract.engines import register_sqlite_functions
from tests.databases import PostgreSQL, SQLite

Found = list[tuple[str, int, str]]
INSERT = "INSERT INTO users (id, name, email, created_at) VALUES"
NOW = "'2026-01-01'"
ALICE, BOB = (1, "Alice"), (2, "Bob")


def found(after: int) -> Found:
    """Read the events after an id; the first two are those of Alice and Bob."""
    from django_app.events import number_events
    from django_app.models import UserEvent

    number_events()
    rows = UserEvent.objects.filter(id__gt=after).order_by("id")
    return [*rows.values_list("action", "user_id", "name")]


@contextmanager
def script(
    database: SQLite | PostgreSQL, *, recursive: bool = False
) -> Iterator[sqlite3.Connection]:
    """A connection of a script to SQLite; skip the test on PostgreSQL."""
    if isinstance(database, PostgreSQL):
        pytest.skip("PostgreSQL has no REPLACE")
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive:d}")
        register_sqlite_functions(connection, "script")
        yield connection
        connection.commit()


def test_a_changed_id_is_a_deleted_and_a_created_user(database: SQLite | PostgreSQL) -> None:
    from django_app.models import User

    User.objects.filter(id=1).update(id=77)
    assert found(2) == [("deleted", *ALICE), ("created", 77, "Alice")]


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            f"REPLACE INTO users (id, name, email, created_at) VALUES (1, 'A', 'a@x.com', {NOW})",
            [("deleted", *ALICE), ("created", 1, "A")],
        ),
        (
            f"INSERT OR REPLACE INTO users (name, email, created_at)"
            f" VALUES ('B', 'bob@example.com', {NOW})",
            [("deleted", *BOB), ("created", 3, "B")],
        ),
        (
            f"REPLACE INTO users (id, name, email, created_at)"
            f" VALUES (1, 'B', 'bob@example.com', {NOW}), (9, 'C', 'c@x.com', {NOW})",
            [("deleted", *ALICE), ("deleted", *BOB), ("created", 1, "B"), ("created", 9, "C")],
        ),
        (
            "UPDATE OR REPLACE users SET email = 'bob@example.com' WHERE id = 1",
            [("deleted", *BOB), ("changed", *ALICE)],
        ),
        (
            "UPDATE OR REPLACE users SET id = 2 WHERE id = 1",
            [("deleted", *BOB), ("deleted", *ALICE), ("created", 2, "Alice")],
        ),
        # A row that stays is not noted, although it was in the way.
        (f"INSERT OR IGNORE INTO users VALUES (1, 'A', 'a@x.com', {NOW}, '')", []),
        (
            f"{INSERT} (1, 'A', 'a@x.com', {NOW}) ON CONFLICT (id) DO UPDATE SET name = 'A'",
            [("changed", 1, "A")],
        ),
        ("DELETE FROM users", [("deleted", *ALICE), ("deleted", *BOB)]),
    ],
)
def test_replaced_rows_leave_events(
    database: SQLite | PostgreSQL, statement: str, expected: Found, recursive: bool
) -> None:
    with script(database, recursive=recursive) as connection:
        # What is noted for a statement must not survive it.
        connection.execute(f"INSERT OR IGNORE INTO users VALUES (2, 'A', 'a@x.com', {NOW}, '')")
        connection.execute(statement)
        connection.execute("UPDATE users SET name = name || '!' WHERE id = 99")
    assert found(2) == expected


def test_a_failed_replacement_leaves_no_event(database: SQLite | PostgreSQL) -> None:
    with script(database) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(f"REPLACE INTO users VALUES (1, NULL, 'bob@example.com', {NOW}, '')")
        connection.execute("UPDATE users SET name = 'Al' WHERE id = 1")
    assert found(2) == [("changed", 1, "Al")]


def test_a_program_without_the_function_cannot_write(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, PostgreSQL):
        pytest.skip("PostgreSQL needs no function")
    with closing(sqlite3.connect(database.path)) as bare:
        for statement in ("DELETE FROM users", "UPDATE users SET name = 'x'"):
            with pytest.raises(sqlite3.OperationalError, match="framework"):
                bare.execute(statement)
        assert bare.execute("SELECT count(*) FROM users").fetchone() == (2,)


@contextmanager
def session(database: SQLite | PostgreSQL) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A session of a script on PostgreSQL; skip the test on SQLite."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite has neither TRUNCATE nor COPY nor schemas")
    with psycopg.connect(database.url, application_name="script") as connection:
        yield connection


def last_event(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    from django_app.events import number_events

    number_events()
    row = connection.execute("SELECT max(id) FROM public.user_events").fetchone()
    assert row is not None
    last: int = row[0]
    return last


def test_truncate_leaves_an_event_for_each_row(database: SQLite | PostgreSQL) -> None:
    from django_app.models import UserEvent

    with session(database) as connection:
        last = last_event(connection)
        connection.execute("TRUNCATE users")
    assert found(last) == [("deleted", *ALICE), ("deleted", *BOB)]
    assert UserEvent.objects.filter(framework="script").count() == 2


def test_copy_and_merge_leave_events(database: SQLite | PostgreSQL) -> None:
    with session(database) as connection:
        last = last_event(connection)
        with connection.cursor().copy("COPY users (name, email) FROM STDIN") as copy:
            for number in range(3):
                copy.write_row((f"u{number}", f"u{number}@example.com"))
        connection.execute(
            "MERGE INTO users USING (VALUES ('Al', 'alice@example.com')) AS new (name, email)"
            " ON users.email = new.email WHEN MATCHED THEN UPDATE SET name = new.name"
        )
    assert found(last) == [*(("created", n + 3, f"u{n}") for n in range(3)), ("changed", 1, "Al")]


@pytest.mark.parametrize("path", ["''", "pg_temp", "elsewhere, public"])
def test_writing_needs_no_search_path(database: SQLite | PostgreSQL, path: str) -> None:
    with session(database) as connection:
        last = last_event(connection)
        connection.execute("CREATE SCHEMA IF NOT EXISTS elsewhere")
        # Tables and functions of the session's own, which the triggers must not use.
        connection.execute("CREATE TABLE IF NOT EXISTS elsewhere.user_events (id int)")
        connection.execute("CREATE TEMPORARY TABLE users (id int)")
        connection.execute(f"SET search_path = {path}")
        connection.execute("INSERT INTO public.users (name, email) VALUES ('Zoë', 'z@example.com')")
        connection.execute("UPDATE public.users SET name = 'ZOË' WHERE email = 'z@example.com'")
        connection.commit()
        row = connection.execute("SELECT folded FROM public.users WHERE name = 'ZOË'").fetchone()
        assert row == ("zoë\nz@example.com",)
        connection.execute("DELETE FROM public.users WHERE email = 'z@example.com'")
        connection.execute("DROP SCHEMA elsewhere CASCADE")
    assert [action for action, _, _ in found(last)] == ["created", "changed", "deleted"]


MOVED = [
    *("TABLE users", "TABLE user_events", "TABLE pending_user_events"),
    *("TABLE user_event_numbering", "FUNCTION number_user_events"),
]


def test_the_tables_may_be_moved_to_another_schema(database: SQLite | PostgreSQL) -> None:
    with session(database) as connection:
        connection.execute('CREATE SCHEMA "My schema"')
        for table in MOVED:
            connection.execute(f'ALTER {table} SET SCHEMA "My schema"')
        connection.commit()
        try:
            connection.execute(
                "INSERT INTO \"My schema\".users (name, email) VALUES ('x', 'x@example.com')"
            )
            connection.commit()
            connection.execute('SET search_path = "My schema"')
            connection.execute("SELECT number_user_events()")
            row = connection.execute("SELECT name FROM user_events ORDER BY id DESC").fetchone()
            assert row == ("x",)
        finally:
            connection.rollback()
            connection.execute('SET search_path = "My schema"')
            for table in MOVED:
                connection.execute(f"ALTER {table} SET SCHEMA public")
            connection.execute('DROP SCHEMA "My schema"')


def test_pending_events_may_be_wanted_at_once(database: SQLite | PostgreSQL) -> None:
    with session(database) as connection:
        last = last_event(connection)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute("UPDATE users SET name = 'Al' WHERE id = 1")
        row = connection.execute("SELECT count(*) FROM pending_user_events").fetchone()
        assert row == (1,)
    assert found(last) == [("changed", 1, "Al")]
