"""Filled databases have all that belongs to their users, and each workload gets its answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx2 as httpx
import pytest

from showdown.bench.changes import run_after_changes
from showdown.bench.databases import Contents, run_program
from showdown.bench.filled import filled, server_name
from showdown.bench.measure import Case
from showdown.bench.postgresql import why_missing
from showdown.bench.servers import run
from showdown.bench.targets import SERVERS, TARGETS
from showdown.bench.workloads import ADMIN_WORKLOADS, WORKLOADS, Workload
from tests.databases import PostgreSQL, SQLite, missing

USERS = 1000  # so many that indexes are built anew


class Filled:
    """A gateway on a filled database."""

    def __init__(self, port: int, contents: Contents) -> None:
        self.port = port
        self.contents = contents

    def get(self, framework: str, workload: Workload) -> httpx.Response:
        case = Case(TARGETS[f"{framework}-gateway"], workload, 1)
        headers = {"Cookie": self.contents.cookie} if workload.staff else {}
        url = f"http://127.0.0.1:{self.port}{case.path(self.contents)}"
        return httpx.get(url, headers=headers, timeout=60)

    def users(self, framework: str, workload: str) -> list[dict[str, Any]]:
        answer = self.get(framework, WORKLOADS[workload])
        assert answer.status_code == 200
        users: list[dict[str, Any]] = answer.json()
        return users


SYSTEMS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=SYSTEMS)
def gateway(request: pytest.FixtureRequest) -> Iterator[Filled]:
    if request.param == "postgresql" and (reason := why_missing()):
        missing(reason)
    name, lines = server_name(request.param, USERS), list[str]()
    with filled([request.param], [USERS], lines.append) as (found, directory):
        assert f"{name}: added {USERS:,} users" in lines
        with run(SERVERS["gateway"], found.url_for(name), directory) as server:
            yield Filled(server.port, found.contents_for(name))


@pytest.mark.parametrize("framework", ["flask", "fastapi", "django"])
def test_searches_and_pages_find_what_they_should(gateway: Filled, framework: str) -> None:
    (found,) = gateway.users(framework, "search")
    assert found["id"] == gateway.contents.middle
    assert gateway.users(framework, "search-none") == []
    page = [user["id"] for user in gateway.users(framework, "page")]
    assert page == [gateway.contents.middle + 1 + number for number in range(20)]


def test_staff_see_all_users_and_their_events(gateway: Filled) -> None:
    pages = {
        name: gateway.get("django", workload)
        for name, workload in {**ADMIN_WORKLOADS, "dashboard": WORKLOADS["dashboard"]}.items()
    }
    assert {page.status_code for page in pages.values()} == {200}
    assert "1 result" in pages["admin-search"].text
    assert "1 user event" not in pages["admin-events"].text
    total = re.search(r'id="total">(\d+)<', pages["dashboard"].text)
    assert total is not None
    assert int(total[1]) >= USERS + 2


def test_each_dashboard_comes_after_a_change(gateway: Filled) -> None:
    users = WORKLOADS["dashboard"]
    before = gateway.get("django", users).text
    load = run_after_changes(
        gateway.port, "/django/", "/django/api/users", 1, gateway.contents.cookie
    )
    assert (load.requests > 1, load.failed, load.broken) == (True, 0, 0)
    assert 0 < load.p50 <= load.p95 <= load.p99
    assert gateway.get("django", users).text != before


def test_without_a_login_there_is_no_dashboard(gateway: Filled) -> None:
    load = run_after_changes(gateway.port, "/django/", "/django/api/users", 1, "")
    assert load.failed == load.requests


@pytest.mark.parametrize("stops", [click.Abort, KeyboardInterrupt])
def test_a_stop_does_not_wait_for_the_program_that_fills(
    tmp_path: Path, stops: type[BaseException]
) -> None:
    def notify(_line: str) -> None:
        raise stops

    program = "import time; print('begun', flush=True); time.sleep(600)"
    with pytest.raises(stops):
        run_program(f"sqlite:///{tmp_path}/db.sqlite3", "-c", program, notify=notify)


def test_statements_that_fill_may_take_long(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite has no limit of statements")
    program = (
        "from django_app.project import set_up; set_up()\n"
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute('SHOW statement_timeout')\n"
        "    print(cursor.fetchone()[0])\n"
    )
    assert run_program(database.url, "-c", program) == "1h"
