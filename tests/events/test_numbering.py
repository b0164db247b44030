"""How PostgreSQL's events get their numbers: after the commit, in order, and each once."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from tests.databases import PostgreSQL, SQLite

Session = psycopg.Connection[tuple[Any, ...]]


class Sessions:
    """Sessions of scripts on the suite's PostgreSQL."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self.stack = stack
        self.own = self.open(autocommit=True)

    def open(self, *, autocommit: bool = False) -> Session:
        options = "-c lock_timeout=5s"
        connection = psycopg.connect(self.url, autocommit=autocommit, options=options)
        return self.stack.enter_context(connection)

    def writing(self, *names: str) -> Session:
        """Open a transaction that has created users, and has written their events."""
        connection = self.open()
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        create(connection, *names)
        return connection

    def number(self, *, everywhere: bool = False) -> bool:
        """Number the events once; return whether there are more."""
        row = self.own.execute("SELECT more FROM number_user_events(%s)", [everywhere]).fetchone()
        assert row is not None
        return bool(row[0])

    def events(self) -> list[str]:
        """Return the names in the events that have numbers, in their order."""
        rows = self.own.execute("SELECT name FROM user_events WHERE id > 2 ORDER BY id")
        return [name for (name,) in rows]


def create(connection: Session, *names: str) -> None:
    for name in names:
        values = [name, f"{name}@example.com"]
        connection.execute("INSERT INTO users (name, email) VALUES (%s, %s)", values)


@pytest.fixture
def sessions(database: SQLite | PostgreSQL) -> Iterator[Sessions]:
    if isinstance(database, SQLite):
        pytest.skip("SQLite has one writer at a time")
    with ExitStack() as stack:
        yield Sessions(database.url, stack)


def test_writers_do_not_wait_and_an_event_follows_the_commit(sessions: Sessions) -> None:
    long = sessions.writing("long")
    for name in ("b", "c"):
        create(sessions.own, name)
        sessions.number()
        assert sessions.events()[-1] == name
    long.commit()
    sessions.number()
    assert sessions.events() == ["b", "c", "long"]


def test_a_transaction_that_is_open_for_several_batches_loses_nothing(sessions: Sessions) -> None:
    open_ones = [sessions.writing(f"long{number}", f"end{number}") for number in range(3)]
    expected: list[str] = []
    for number, one in enumerate(open_ones):
        create(sessions.own, f"short{number}")
        one.execute("UPDATE users SET name = name || '!' WHERE name = %s", [f"end{number}"])
        sessions.number()
        one.commit()
        sessions.number()
        names = f"short{number}", f"long{number}", f"end{number}", f"end{number}!"
        expected += names
    assert sessions.events() == expected


def test_the_latest_transaction_may_have_written_first(sessions: Sessions) -> None:
    # PostgreSQL's snapshot names no open transaction after the last one that has ended.
    first = sessions.open()
    create(first, "first")
    latest = sessions.writing("latest")
    first.commit()
    sessions.number()
    latest.commit()
    sessions.number()
    assert sessions.events() == ["first", "latest"]


def test_one_transaction_at_a_time_numbers_and_the_others_do_not_wait(sessions: Sessions) -> None:
    other = sessions.open()
    create(sessions.own, "a")
    other.execute("SELECT number_user_events()")
    create(sessions.own, "b")
    sessions.number()
    assert sessions.events() == []
    other.commit()
    sessions.number()
    assert sessions.events() == ["a", "b"]


def test_what_a_killed_transaction_has_numbered_is_numbered_once(sessions: Sessions) -> None:
    killed = sessions.open()
    create(sessions.own, "a")
    killed.execute("SELECT number_user_events()")
    sessions.own.execute("SELECT pg_terminate_backend(%s, 5000)", [killed.info.backend_pid])
    killed.close()
    sessions.number()
    sessions.number(everywhere=True)
    assert sessions.events() == ["a"]


def test_batches_keep_the_order(sessions: Sessions) -> None:
    sessions.own.execute(
        "INSERT INTO users (name, email) SELECT n::text, n || '@example.com'"
        " FROM generate_series(1, 11000) AS n"
    )
    assert [sessions.number() for _ in range(3)] == [True, True, False]
    assert sessions.events() == [str(number) for number in range(1, 11_001)]


def test_events_that_an_inherited_numbering_hides_are_found(sessions: Sessions) -> None:
    create(sessions.own, "a", "b")
    sessions.number()
    # Of a server with more transactions and events, from which this database was restored.
    sessions.own.execute("UPDATE user_event_numbering SET mark = 10^9, next_xid = '1000000000'")
    create(sessions.own, "c")
    sessions.number()
    assert sessions.events() == ["a", "b"]
    sessions.number(everywhere=True)
    assert sessions.events() == ["a", "b", "c"]


def test_a_lease_of_a_previous_worker_numbers_events(sessions: Sessions) -> None:
    from django_app.jobs import renew_lease

    create(sessions.own, "a")
    renew_lease("worker")
    assert sessions.events() == ["a"]
    # Whatever is wrong with numbering, the worker keeps its lease.
    create(sessions.own, "b")
    blocking = sessions.open()
    blocking.execute("LOCK TABLE user_events")
    renew_lease("worker")
    blocking.rollback()
    assert sessions.events() == ["a"]
    renew_lease("worker")
    assert sessions.events() == ["a", "b"]


def test_the_way_back_numbers_what_is_pending(sessions: Sessions) -> None:
    create(sessions.own, "a")
    # A script of a role that may change users, and may do so after the migration, too.
    sessions.own.execute(
        "CREATE ROLE script; GRANT INSERT, SELECT ON users, user_events TO script;"
        "GRANT USAGE ON SCHEMA public TO script"
    )
    try:
        call_command("migrate", "django_app", "0011", verbosity=0)
        create(sessions.own, "b")
        assert sessions.events() == ["a", "b"]
        call_command("migrate", verbosity=0)
        sessions.own.execute("SET ROLE script")
        create(sessions.own, "c")
        sessions.own.execute("RESET ROLE")
    finally:
        sessions.own.execute("RESET ROLE")
        call_command("migrate", verbosity=0)
        sessions.own.execute("DROP OWNED BY script; DROP ROLE script")
    sessions.number()
    assert sessions.events() == ["a", "b", "c"]
