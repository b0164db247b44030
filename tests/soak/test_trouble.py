"""A fault each second, for minutes or seconds: nothing is lost, doubled, stuck or defunct."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from tests.database.test_outage import prepare
from tests.databases import PostgreSQL, SQLite
from tests.jobs.workers import FAKETIME
from tests.soak.faults import Fault, possible_faults, small_disk
from tests.soak.histories import Histories
from tests.soak.orders import TAKEN_BACK
from tests.soak.report import report_trouble
from tests.soak.trouble import EXPECTED, Plan, Trouble

pytestmark = pytest.mark.slow

SHORT = Plan(calm=3, storm=14)  # each fault once
CALM = 10  # seconds
GROWTH = 60.0  # MiB, of five processes
# Pools of connections that were not full before; with SQLite, each of FastAPI's has a thread.
THREADS, FILES = 24, 48
# Of the database, of the full disk, and of a response that the database has cut off.
EXCUSED_ERRORS = (
    "django.db.utils.OperationalError: ",
    "django.db.utils.InterfaceError: ",
    "psycopg.",
    "sqlalchemy.exc.OperationalError: ",
    "sqlite3.OperationalError: ",
    # Daemon threads of a worker that is stopping may still use the database.
    "sqlite3.ProgrammingError: Cannot operate on a closed database",
    "django.db.utils.ProgrammingError: Cannot operate on a closed database",
    "OSError: [Errno 27] ",  # EFBIG
    "OSError: [Errno 28] ",  # ENOSPC
    "django_app.jobs.JobFailed: ",
    "RuntimeError: Caught handled exception, but response already started.",
    # From FastAPI's own event stream, if a client leaves while an event is sent.
    "anyio.BrokenResourceError",
)


@contextmanager
def disk(directory: Path) -> Iterator[bool]:
    """Give a directory a small disk of its own, until the block ends; yield whether it has one."""
    directory.mkdir()
    has_disk = os.geteuid() == 0 and not subprocess.run(small_disk(directory)).returncode
    try:
        yield has_disk
    finally:
        if has_disk:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest.fixture(scope="module", params=[SQLite, PostgreSQL], ids=lambda kind: str(kind.name))
def trouble(request: pytest.FixtureRequest) -> Iterator[Trouble]:
    """The finished soak, shared by all tests."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("The soak reads /proc")
    minutes = request.config.getoption("soak_minutes")
    plan = Plan(calm=CALM, storm=minutes * 60) if minutes else SHORT
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        directory = Path(name)
        database = request.param(directory)
        with disk(directory / "files") as has_disk:
            faults = possible_faults(database.name, with_clock=bool(FAKETIME), with_disk=has_disk)
            run = Trouble(database, directory, directory / "files", plan)
            if isinstance(database, PostgreSQL):
                with database.serving():
                    serve(run, faults)
            else:
                serve(run, faults)
            yield run


def serve(run: Trouble, faults: list[Fault]) -> None:
    """Run a soak, and report it whatever happens."""
    prepare(run.database.url)
    try:
        asyncio.run(run.run(faults))
    finally:
        Console().print(report_trouble(run))


def test_every_acknowledged_write_is_stored_and_no_refused_one(trouble: Trouble) -> None:
    assert trouble.ledger.acknowledged > 20
    assert trouble.ledger.compare(trouble.stored) == []


def test_requests_fail_only_for_what_they_need(trouble: Trouble) -> None:
    assert trouble.answers.failures == []


def test_listeners_receive_each_event_once(trouble: Trouble) -> None:
    histories = Histories(trouble.histories)
    for listener in trouble.listeners:
        assert histories.check(listener.events) == []


def test_each_export_ends_and_is_whole(trouble: Trouble) -> None:
    assert trouble.orders.waiting == set()
    assert trouble.orders.faults == []
    assert trouble.orders.outcomes["finished"] > 0
    assert trouble.orders.outcomes.keys() <= {"finished", "failed", TAKEN_BACK}
    assert trouble.jobs.keys() <= {"SUCCESSFUL", "FAILED"}


def test_nothing_is_stuck_or_defunct(trouble: Trouble) -> None:
    assert trouble.problems == []
    assert trouble.after.defunct == 0
    assert trouble.after.roles == trouble.before.roles
    assert trouble.after.roles & EXPECTED == EXPECTED


def test_only_the_faults_are_logged_as_errors(trouble: Trouble) -> None:
    assert [error for error in trouble.errors if not error.startswith(EXCUSED_ERRORS)] == []


def test_no_more_is_held_than_before(trouble: Trouble) -> None:
    assert trouble.after.memory - trouble.before.memory < GROWTH
    assert trouble.after.threads - trouble.before.threads <= THREADS
    assert trouble.after.files - trouble.before.files <= FILES
