"""The databases of the measured servers: filled before the run, restored after it."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import click
import psycopg
import pytest

from showdown.bench.databases import make_sqlite_files, share_postgresql
from showdown.bench.frameworks import check_connections
from showdown.bench.measure import Case, Plan
from showdown.bench.targets import SERVERS, TARGETS
from showdown.bench.workloads import SEEDED_USERS, WORKLOADS
from tests.databases import PostgreSQL

ADD_CAROL = "INSERT INTO users (name, email) VALUES ('Carol', 'carol@example.com')"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server without tables."""
    # Not tmp_path, because PostgreSQL's own user may not enter it.
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        server = PostgreSQL(Path(name))
        with server.serving():
            yield server


def test_each_server_gets_its_own_file(tmp_path: Path) -> None:
    files = make_sqlite_files(tmp_path)
    one, other = (files.url_for(name).removeprefix("sqlite:///") for name in ("one", "other"))
    assert one != other
    for file in (one, other):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (
                SEEDED_USERS + 2,
            )
            email = "SELECT email FROM users WHERE id = ?"
            (first,) = connection.execute(email, [files.contents.user]).fetchone()
            (middle,) = connection.execute(email, [files.contents.middle]).fetchone()
            assert first.endswith("-0000000@example.com")
            assert middle == unquote(files.contents.needle)


def test_a_shared_database_is_left_as_it_was_found(server: PostgreSQL) -> None:
    with share_postgresql(server.url, False) as shared:
        assert shared.version.startswith("PostgreSQL ")
        assert shared.free_connections > 50
        assert count(server) == SEEDED_USERS + 2
    assert count(server) == 2
    with psycopg.connect(server.url) as connection:
        connection.execute(ADD_CAROL)
    with (
        pytest.raises(click.ClickException, match="already has users"),
        share_postgresql(server.url, False),
    ):
        pass
    assert count(server) == 3
    with share_postgresql(server.url, True):
        assert count(server) == SEEDED_USERS + 3
        assert count(server, "auth_user") == 2
        assert count(server, "django_session") == 1
    assert count(server) == 3
    assert count(server, "auth_user") == 1
    assert count(server, "django_session") == 0


def count(server: PostgreSQL, table: str = "users") -> int:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_a_missing_database_is_reported(tmp_path: Path) -> None:
    url = f"postgresql://nobody@/none?host={tmp_path}"
    with (
        pytest.raises(click.ClickException, match="Cannot use the database"),
        share_postgresql(url, False),
    ):
        pass


def test_a_connection_for_each_request_is_counted() -> None:
    cases = [Case(TARGETS["django-asgi"], WORKLOADS["users"], number) for number in (8, 64)]
    check_connections(Plan(cases, SERVERS, 1, 1), 64)
    with pytest.raises(click.ClickException, match=r"may open 64 .* allows 63"):
        check_connections(Plan(cases, SERVERS, 1, 1), 63)


def test_pools_above_the_connection_limit_are_refused() -> None:
    case = Case(TARGETS["flask-gateway"], WORKLOADS["users"], 8)
    plan = Plan([case], SERVERS, 1, 1)
    check_connections(plan, 96)
    check_connections(plan, None)
    with pytest.raises(click.ClickException, match=r"may open 96 .* allows 95"):
        check_connections(plan, 95)
