"""A database that is locked, not migrated, down, full or restarted: 503, and then recovery.

All three frameworks send the same status, body and Retry-After, without internals.
"""

import json
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from sqlalchemy import select

from contract.problems import DatabaseUnavailable, Problem
from contract.settings import get_settings
from contract.table import users
from tests.conftest import FRAMEWORKS
from tests.database.test_prepare import empty
from tests.databases import NUMBER_EVENTS, PostgreSQL, SQLite, free_port
from tests.servers import ROOT, SCRIPTS, Server, serve

__all__ = ["empty"]  # the fixture

CAROL = {"name": "Carol", "email": "carol@example.com"}
Request = tuple[str, str, dict[str, str] | None]

READS: list[Request] = [("GET", "/api/users", None), ("GET", "/api/users/1", None)]
WRITES: list[Request] = [
    ("POST", "/api/users", CAROL),
    ("PUT", "/api/users/1", CAROL),
    ("PATCH", "/api/users/1", {"name": "Alicia"}),
    ("DELETE", "/api/users/1", None),
]


@contextmanager
def gateway_on(url: str, **env: str) -> Iterator[tuple[httpx.Client, Server]]:
    """Serve the gateway on a database of its own, with short timeouts."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_DATABASE_URL": url, "GATEWAY_DATABASE_TIMEOUT": "1", **env}
    command = ("gateway", "--port", port)
    with (
        serve(*command, origin=origin, path="/flask/api/hello", env=env) as server,
        httpx.Client(base_url=origin, timeout=30) as client,
    ):
        yield client, server


def send(client: httpx.Client, requests: list[Request]) -> list[httpx.Response]:
    """Send each request to each framework, all at once."""
    with ThreadPoolExecutor(len(requests) * 3) as threads:
        futures = [
            threads.submit(client.request, method, f"/{name}{path}", json=body)
            for method, path, body in requests
            for name in FRAMEWORKS
        ]
        return [future.result() for future in futures]


def assert_problem_response(response: httpx.Response, problem: Problem) -> None:
    """Check that a response is a problem document with the id of the request."""
    document = response.json()
    assert document.pop("request_id") == response.headers["X-Request-ID"]
    assert document == json.loads(problem.body)


def assert_unavailable(client: httpx.Client, requests: list[Request]) -> None:
    """Check that every response is the same problem."""
    for response in send(client, requests):
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Retry-After"] == "1"
        assert_problem_response(response, DatabaseUnavailable())


def assert_served(client: httpx.Client) -> None:
    """Check that every framework can read and write."""
    for name in FRAMEWORKS:
        user = {"name": name, "email": f"{name}@example.com"}
        created = client.post(f"/{name}/api/users", json=user)
        assert created.status_code == 201
        assert client.get(created.headers["Location"]).json() == created.json()


def prepare(url: str) -> None:
    subprocess.run(
        [SCRIPTS / "python", "manage.py", "prepare"],
        cwd=ROOT,
        env={"GATEWAY_DATABASE_URL": url, "GATEWAY_SECRET_KEY": "x"},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def startup_errors(server: Server) -> list[str]:
    """Return the start's log records, without addresses, requests and times."""
    lines = server.output.splitlines()
    records = [line for line in lines if "http://" not in line and " GET /" not in line]
    return [record.partition(" ERROR showdown [-] ")[2] or record for record in records]


@pytest.mark.slow
def test_a_locked_database_is_503(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, PostgreSQL):
        pytest.skip("Only SQLite locks the whole database")
    with gateway_on(database.url) as (client, _):
        lock = sqlite3.connect(database.path, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        assert_unavailable(client, WRITES)
        # In write-ahead mode, readers do not wait.
        assert [response.status_code for response in send(client, READS)] == [200] * 6
        lock.execute("ROLLBACK")
        lock.close()
        assert_served(client)


@pytest.mark.slow
def test_a_database_without_migrations_is_reported(empty: str) -> None:
    with gateway_on(empty) as (client, server):
        assert startup_errors(server) == [
            "The database is not migrated; run: python manage.py prepare"
        ]
        assert_unavailable(client, READS + WRITES)
        prepare(empty)
        assert_served(client)


def test_the_tables_may_be_in_a_schema_of_their_own(empty: str) -> None:
    if empty.startswith("sqlite"):
        pytest.skip("SQLite has no schemas")
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE SCHEMA app")
    url = f"{empty}?options=-csearch_path%3Dapp"
    prepare(url)
    prepare(url)
    with gateway_on(url) as (client, _):
        assert_served(client)
    with psycopg.connect(url) as connection:
        connection.execute(NUMBER_EVENTS)
        found = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
        assert connection.execute(found).fetchall() == [("app",)]
        events = "SELECT action FROM app.user_events ORDER BY id DESC LIMIT 3"
        assert connection.execute(events).fetchall() == [("created",)] * 3


def test_a_missing_database_is_reported(migrated: SQLite | PostgreSQL, tmp_path: Path) -> None:
    if isinstance(migrated, SQLite):
        url, reason = f"sqlite:///{tmp_path / 'none' / 'x.sqlite3'}", "unable to open database file"
    else:
        port = free_port()
        url = f"postgresql://gateway@127.0.0.1:{port}/postgres"
        reason = (
            f'connection failed: connection to server at "127.0.0.1", port {port} failed: '
            "Connection refused"
        )
    with gateway_on(url) as (client, server):
        assert startup_errors(server) == [
            f"The database cannot be used ({reason}); check GATEWAY_DATABASE_URL"
        ]
        assert_unavailable(client, READS + WRITES)


def test_a_file_that_is_not_a_database_does_not_stop_the_server(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    file.write_text("This is a letter, and no database.")
    with gateway_on(f"sqlite:///{file}") as (client, server):
        assert startup_errors(server) == [
            "The database cannot be used (file is not a database); check GATEWAY_DATABASE_URL"
        ]
        for response in send(client, READS):
            assert response.status_code == 500
            assert_problem_response(response, Problem(500))


def test_the_frameworks_recover_from_a_database_restart(migrated: SQLite | PostgreSQL) -> None:
    if isinstance(migrated, SQLite):
        pytest.skip("SQLite has no server")
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        other = PostgreSQL(Path(directory))
        with other.serving():
            prepare(other.url)
            with gateway_on(other.url) as (client, _):
                assert [response.status_code for response in send(client, READS)] == [200] * 6
                other.stop()
                assert_unavailable(client, READS + WRITES)
                other.start()
                assert [response.status_code for response in send(client, READS)] == [200] * 6
                assert_served(client)
                # No request in between: each framework finds its connections closed.
                other.stop()
                other.start()
                for name in FRAMEWORKS:
                    assert client.get(f"/{name}/api/users").status_code == 200


def test_a_connection_that_breaks_after_the_query_does_not_change_the_response(
    database: SQLite | PostgreSQL,
) -> None:
    from flask_app import create_app
    from flask_app.db import get_session

    if isinstance(database, SQLite):
        pytest.skip("SQLite has no server")
    app = create_app(get_settings())
    with app.app_context():
        get_session().execute(select(users)).all()
        with psycopg.connect(database.url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'flask'"
            )
    assert app.test_client().get("/api/users/1").status_code == 200
    assert app.extensions["sessionmaker"].kw["bind"].pool.checkedout() == 0


@pytest.fixture
def crowded_url(database: SQLite | PostgreSQL) -> Iterator[str]:
    """The URL of a role that may open six connections."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite does not count connections")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 6")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO crowded")
        yield database.url.replace("gateway@", "crowded@")
        connection.execute("DROP OWNED BY crowded")
        connection.execute("DROP ROLE crowded")


def test_a_database_without_a_free_connection_is_503(crowded_url: str) -> None:
    # Before the gateway starts, because its reader of events would keep a connection.
    others = [psycopg.connect(crowded_url) for _ in range(6)]
    with gateway_on(crowded_url, GATEWAY_THREADS="1") as (client, _):
        assert_unavailable(client, READS + WRITES)
        for other in others:
            other.close()
        assert_served(client)


POOLED: dict[str, tuple[str, ...]] = {
    "flask": ("flask", "--app", "flask_app", "run", "--port"),
    "fastapi": ("uvicorn", "fastapi_app.main:app", "--port"),
}


@pytest.mark.parametrize("framework", POOLED)
def test_an_exhausted_pool_is_503(database: SQLite | PostgreSQL, framework: str) -> None:
    """Without the gateway, because a mount limits concurrent requests; Django has no pool there."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite requests hold a connection no longer than its timeout")
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_DATABASE_TIMEOUT": "1", "GATEWAY_THREADS": "1"}
    with (
        serve(*POOLED[framework], port, origin=origin, path="/api/users", env=env),
        psycopg.connect(database.url) as lock,
        httpx.Client(base_url=origin, timeout=30) as client,
        ThreadPoolExecutor(1) as thread,
    ):
        lock.execute("LOCK TABLE users")
        waiting = thread.submit(client.get, "/api/users")
        deadline = time.monotonic() + 20
        # Until the request holds the only connection and waits for the table.
        while not lock.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            assert time.monotonic() < deadline
        refused = client.get("/api/users")
        assert refused.status_code == 503
        assert refused.content == DatabaseUnavailable().body
        lock.rollback()
        assert waiting.result().status_code == 200
        assert client.get("/api/users").status_code == 200
