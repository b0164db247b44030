"""Exports of all users in one response: both formats, at constant memory."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from starlette.testclient import TestClient

from showdown.bench.servers import memory_peak
from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

EXPORT = "/fastapi/api/users/export"
MANY = 1_000_000
GROWTH = 50 * 1024 * 1024


def test_ndjson_is_the_default(gateway: TestClient) -> None:
    response = gateway.get(EXPORT)
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.headers["Content-Disposition"] == 'attachment; filename="users.ndjson"'
    assert response.headers["Vary"] == "Accept"
    assert response.text == (
        '{"id":1,"name":"Alice","email":"alice@example.com"}\n'
        '{"id":2,"name":"Bob","email":"bob@example.com"}\n'
    )


def test_csv_has_a_header_and_a_row_for_each_user(gateway: TestClient) -> None:
    name = 'Line "one", é; two'
    gateway.post("/flask/api/users", json={"name": name, "email": "c@example.com"})
    response = gateway.get(EXPORT, headers={"Accept": "text/csv"})
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="users.csv"'
    rows = [*csv.reader(io.StringIO(response.text, newline=""))]
    assert rows[0] == ["id", "name", "email"]
    assert rows[3] == ["3", name, "c@example.com"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "x-ndjson"),
        ("text/*", "csv"),
        ("TEXT/CSV", "csv"),
        ("application/*;q=0.5, text/csv;q=0.4", "x-ndjson"),
        ("application/*;q=0.5, text/csv", "csv"),
        ("text/csv;q=0, */*", "x-ndjson"),
        ("text/html, */*;q=0.1", "x-ndjson"),
        ("text/html", None),
        ("text/csv;q=0", None),
        ("text/csv;q=many", None),
    ],
)
def test_the_accept_header_chooses_the_format(
    gateway: TestClient, accept: str, kind: str | None
) -> None:
    response = gateway.get(EXPORT, headers={"Accept": accept})
    if kind is None:
        assert_problem(response, 406)
    else:
        assert response.headers["Content-Type"].partition(";")[0].endswith(kind)


def fill(database: SQLite | PostgreSQL, count: int) -> None:
    """Insert many users without their events, which no test here reads."""
    if isinstance(database, PostgreSQL):
        with psycopg.connect(database.url) as postgresql:
            # The replica role does not run triggers.
            postgresql.execute("SET session_replication_role = replica")
            postgresql.execute(
                "INSERT INTO users (name, email)"
                " SELECT 'user ' || n, n || '@example.com' FROM generate_series(1, %s) AS n",
                [count],
            )
        return
    connection = sqlite3.connect(database.path)
    with connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (trigger,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")  # the next reset restores them
        connection.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
            " WHERE n < ?) INSERT INTO users (name, email, created_at)"
            " SELECT 'user ' || n, n || '@example.com', '2026-01-01' FROM numbers",
            [count],
        )
    connection.close()


@pytest.mark.slow
def test_a_million_users_need_no_more_memory_than_a_few(database: SQLite | PostgreSQL) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("This test reads memory from /proc")
    fill(database, MANY)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello") as server:
        before = memory_peak(server.pid)
        lines = 0
        with httpx.stream("GET", origin + EXPORT, timeout=60) as response:
            tail = b""
            for chunk in response.iter_bytes():
                lines += chunk.count(b"\n")
                tail = (tail + chunk)[-200:]
        assert lines == MANY + 2
        assert json.loads(tail.splitlines()[-1])["name"] == f"user {MANY}"
        assert memory_peak(server.pid) - before < GROWTH
