"""Every wait for the database has an end: a lock, a silent server, a server that has stopped.

What was answered with 503 is not stored, and requests that need no lock are answered meanwhile.
"""

import os
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import httpx2 as httpx
import psycopg
import pytest
from django.db.utils import ConnectionHandler

from contract.problems import DatabaseUnavailable, OutcomeUnknown
from contract.settings import get_settings
from contract.sqlite import ClosingConnection
from tests.accounts import make_account, session_of
from tests.conftest import FRAMEWORKS
from tests.database.test_outage import assert_problem_response, assert_served, gateway_on
from tests.databases import PostgreSQL, SQLite
from tests.wsgi.server import wait_until

MANY = 30  # requests to each framework; more than it has threads


@contextmanager
def transaction(database: SQLite | PostgreSQL, statement: str) -> Iterator[None]:
    """Hold a transaction on the users until the block ends."""
    if isinstance(database, SQLite):
        lock = sqlite3.connect(database.path, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        return
    with psycopg.connect(database.url) as connection:
        connection.execute(statement)
        yield
        connection.rollback()


def send_many(
    client: httpx.Client, threads: ThreadPoolExecutor, method: str, path: str
) -> list[Future[httpx.Response]]:
    """Send many requests to each framework, each POST with an email of its own."""
    return [
        threads.submit(
            client.request,
            method,
            f"/{name}{path}",
            json={"name": "Late", "email": f"late-{name}-{number}@example.com"}
            if method == "POST"
            else None,
        )
        for number in range(MANY)
        for name in FRAMEWORKS
    ]


def assert_answered(client: httpx.Client, waiting: list[Future[httpx.Response]], path: str) -> None:
    """Check that each framework answers, at least once, until all other requests have ended."""
    while True:
        for name in FRAMEWORKS:
            response = client.get(f"/{name}{path}")
            assert response.status_code == 200, response.text
        if not wait(waiting, timeout=0.05).not_done:
            return


def count_late(database: SQLite | PostgreSQL) -> int:
    """Count the users that were answered with an error."""
    from django_app.models import User

    return User.objects.filter(name="Late").count()


# Other writes wait at once.
LOCK = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"
# Other writes need not wait, although this one has written its event.
INSERT = (
    "SET CONSTRAINTS ALL IMMEDIATE;"
    "INSERT INTO users (name, email, created_at) VALUES ('x', 'x@example.com', now())"
)


@pytest.mark.parametrize(
    "timeout",
    # Longer than a request waits for a thread.
    ["2", pytest.param("15", marks=pytest.mark.slow)],
)
def test_a_lock_on_the_users_ends_writes_and_nothing_else(
    database: SQLite | PostgreSQL, timeout: str
) -> None:
    with (
        gateway_on(database.url, GATEWAY_DATABASE_TIMEOUT=timeout) as (client, _),
        ThreadPoolExecutor(3 * MANY) as threads,
    ):
        with transaction(database, LOCK):
            waiting = send_many(client, threads, "POST", "/api/users")
            assert_answered(client, waiting, "/api/hello")
            assert_answered(client, waiting, "/api/users?limit=1")
            # Also while places are taken and nobody comes out well.
            waiting += send_many(client, threads, "POST", "/api/users")
            assert_answered(client, waiting, "/api/users/1")
        answers = [future.result() for future in waiting]
        assert Counter(answer.status_code for answer in answers) == {503: len(waiting)}
        for answer in answers:
            assert answer.headers["Retry-After"] == "1"
            assert_problem_response(answer, DatabaseUnavailable())
        assert_served(client)
        assert count_late(database) == 0


def test_a_transaction_that_stays_open_stops_no_other_writer(
    database: SQLite | PostgreSQL,
) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite has one writer at a time")
    with (
        gateway_on(database.url) as (client, _),
        ThreadPoolExecutor(3 * MANY) as threads,
        transaction(database, INSERT),
    ):
        answers = [future.result() for future in send_many(client, threads, "POST", "/api/users")]
        assert {answer.status_code for answer in answers} == {201}


def test_pages_of_the_admin_that_wait_stop_no_reader(database: SQLite | PostgreSQL) -> None:
    session = session_of(make_account("keeper", is_superuser=True))
    form = {"name": "Late", "email": "late@example.com"}
    with (
        gateway_on(database.url, GATEWAY_DATABASE_TIMEOUT="2") as (client, _),
        ThreadPoolExecutor(2 * MANY) as threads,
    ):
        add = partial(client.post, "/django/admin/django_app/user/add/", data=form, headers=session)
        with transaction(database, LOCK):
            waiting = [threads.submit(add) for _ in range(2 * MANY)]
            assert_answered(client, waiting, "/api/users/1")
        assert {future.result().status_code for future in waiting} == {503}
        assert count_late(database) == 0
        assert add().status_code == 302
        assert count_late(database) == 1


@pytest.mark.slow
def test_orders_of_exports_that_wait_stop_no_reader(database: SQLite | PostgreSQL) -> None:
    with (
        gateway_on(database.url, GATEWAY_DATABASE_TIMEOUT="4", GATEWAY_THREADS="4") as (client, _),
        ThreadPoolExecutor(MANY) as threads,
    ):
        with transaction(database, "LOCK TABLE exports"):
            waiting = [threads.submit(client.post, "/fastapi/api/exports") for _ in range(MANY)]
            assert_answered(client, waiting, "/api/users/1")
        assert {future.result().status_code for future in waiting} == {503}


def test_a_locked_table_ends_reads_and_nothing_else(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, SQLite):
        pytest.skip("In write-ahead mode nothing stops the readers of SQLite")
    with (
        gateway_on(database.url, GATEWAY_DATABASE_TIMEOUT="2") as (client, _),
        ThreadPoolExecutor(6 * MANY) as threads,
    ):
        with transaction(database, "LOCK TABLE users"):
            waiting = send_many(client, threads, "GET", "/api/users?limit=1")
            waiting += send_many(client, threads, "POST", "/api/users")
            assert_answered(client, waiting, "/api/hello")
        assert {future.result().status_code for future in waiting} == {503}
        assert_served(client)
        assert count_late(database) == 0


def test_a_server_that_says_nothing_is_503() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        url = f"postgresql://gateway@127.0.0.1:{silent.getsockname()[1]}/postgres"
        with gateway_on(url) as (client, server):
            ready = client.get("/health/ready")
            assert ready.status_code == 503
            assert "database" in ready.json()["failures"]
            for name in FRAMEWORKS:
                assert client.get(f"/{name}/api/users").status_code == 503
                assert client.get(f"/{name}/api/hello").status_code == 200
            assert "The database cannot be used" in server.output


def test_a_process_of_the_server_that_stops_is_replaced(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite has no server")
    with gateway_on(database.url, GATEWAY_THREADS="1") as (client, _):
        paths = [f"/{name}/api/users" for name in FRAMEWORKS]
        assert [client.get(path).status_code for path in paths] == [200] * 3
        with psycopg.connect(database.url) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = ANY(%s)",
                [[*FRAMEWORKS]],
            ).fetchall()
        assert len(found) >= 3
        for (process,) in found:
            os.kill(process, signal.SIGSTOP)
        try:
            # The check before the use of a connection gets no answer, and a new one is opened.
            assert [client.get(path).status_code for path in paths] == [200] * 3
        finally:
            for (process,) in found:
                os.kill(process, signal.SIGCONT)


def test_a_cursor_closes_when_its_statement_fails(database: SQLite | PostgreSQL) -> None:
    """Collected later, it would stop the process while its connection waits for a lock."""
    if isinstance(database, PostgreSQL):
        pytest.skip("Cursors of PostgreSQL hold nothing")
    one = sqlite3.connect(
        database.path, factory=ClosingConnection, timeout=0.01, isolation_level="IMMEDIATE"
    )
    cursor = one.cursor()
    with transaction(database, ""), pytest.raises(sqlite3.OperationalError):
        cursor.execute("DELETE FROM users")
    with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
        cursor.execute("DELETE FROM users")
    one.close()


SLOW_COMMIT = """
CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER wait_in_commit AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait_in_commit()
"""


def was_terminated(connection: psycopg.Connection, name: str) -> bool:
    """End the connection of a framework that waits in a commit; return whether there was one."""
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = %s AND wait_event = 'PgSleep'"
    )
    return connection.execute(terminate, [name]).fetchone() is not None


def test_a_connection_that_is_lost_in_a_commit_is_told(database: SQLite | PostgreSQL) -> None:
    """The change may be stored, and the answer says so."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite has no connection to lose")
    with (
        gateway_on(database.url, GATEWAY_DATABASE_TIMEOUT="20") as (client, _),
        psycopg.connect(database.url, autocommit=True) as connection,
        ThreadPoolExecutor(1) as thread,
    ):
        connection.execute(SLOW_COMMIT)
        try:
            for name in FRAMEWORKS:
                user = {"name": "Lost", "email": f"lost-{name}@example.com"}
                waiting = thread.submit(client.post, f"/{name}/api/users", json=user)
                wait_until(partial(was_terminated, connection, name))
                answer = waiting.result()
                assert answer.status_code == 503
                assert "Retry-After" not in answer.headers
                assert_problem_response(answer, OutcomeUnknown())
        finally:
            connection.execute("DROP FUNCTION wait_in_commit CASCADE")
        assert_served(client)


@pytest.mark.parametrize(
    ("command", "timeout"),
    [("manage.py worker", "7s"), ("gateway serve", "7s"), ("manage.py migrate", "0")],
)
def test_only_commands_may_take_long(
    database: SQLite | PostgreSQL, command: str, timeout: str
) -> None:
    from django_app.connections import describe_database
    from django_app.project import is_command

    if isinstance(database, SQLite):
        pytest.skip("SQLite has no timeout for statements")
    settings = get_settings().model_copy(update={"database_timeout": 7.0})
    described = describe_database(settings, is_command=is_command(command.split()))
    connection = ConnectionHandler({"default": described})["default"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        )
        assert cursor.fetchone() == ("7s", timeout)
    connection.close()
