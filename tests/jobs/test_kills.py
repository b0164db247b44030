"""SIGKILL at every stage of an export, with two workers whose clocks differ by minutes."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.databases import PostgreSQL, SQLite
from tests.events.test_export import fill
from tests.jobs.killed import STAGES
from tests.jobs.workers import has_ended, job_of, names, order, stored, working
from tests.sampling import every
from tests.wsgi.server import wait_until

USERS = 5000


@pytest.mark.slow
@pytest.mark.parametrize("stage", every(2, STAGES))
def test_a_worker_that_is_killed_leaves_no_half_of_an_export(
    database: SQLite | PostgreSQL, files: Path, stage: str
) -> None:
    fill(database, USERS)
    export = order()
    with working("-m", "tests.jobs.killed", stage, ahead=-10) as killed:
        assert killed.wait(30) == -signal.SIGKILL
    assert job_of(export).status == "RUNNING"
    with working(), working(ahead=10):
        wait_until(lambda: has_ended(export), seconds=60)
    assert (job_of(export).status, export.error, export.done) == ("SUCCESSFUL", "", USERS + 2)
    assert len(set(job_of(export).worker_ids)) == 2
    # The complete export, and no other file.
    assert names(files) == [export.file]
    assert len((files / export.file).read_bytes().splitlines()) == USERS + 2


@pytest.mark.slow
@pytest.mark.parametrize(("own", "other"), [(-10, 10), (10, -10)])
def test_a_worker_whose_clock_is_wrong_steals_no_running_job(
    database: SQLite | PostgreSQL, tmp_path: Path, own: int, other: int
) -> None:
    from django_app.models import LOST
    from tests.jobs.tasks import waits_for

    result = waits_for.enqueue(str(tmp_path / "end"))
    with working(ahead=own) as first:
        wait_until(lambda: stored(result).status == "RUNNING")
        with working(ahead=other) as second:
            # The second worker looks each time that it has renewed its lease.
            looks: set[object] = set()

            def has_looked() -> bool:
                looks.add(lease_beside(result))
                return len(looks) > LOST + 4

            wait_until(has_looked, 60)
            (tmp_path / "end").touch()
            wait_until(lambda: stored(result).status == "SUCCESSFUL")
            assert "starts again" not in first.output + second.output
    assert len(stored(result).worker_ids) == 1


def lease_beside(result: Any) -> object:
    """Return the lease of the worker that does not have the job."""
    from django_app.models import WorkerProcess

    others = WorkerProcess.objects.exclude(id__in=stored(result).worker_ids)
    return others.values_list("seen_at", flat=True).first()


@pytest.mark.slow
def test_a_worker_that_lost_its_lease_changes_nothing(
    database: SQLite | PostgreSQL, files: Path
) -> None:
    if isinstance(database, SQLite):
        pytest.skip("A paused process may hold SQLite's only lock")
    fill(database, 200_000)
    export = order()
    with working() as paused:
        wait_until(lambda: has_begun(export))
        paused.send_signal(signal.SIGSTOP)
        with working(ahead=10):
            wait_until(lambda: has_ended(export), seconds=120)
        before = (export.finished_at, job_of(export).finished_at, names(files))
        paused.send_signal(signal.SIGCONT)
        wait_until(lambda: "taken over by another worker" in paused.output)
    assert has_ended(export)
    assert (export.finished_at, job_of(export).finished_at) == before[:2]
    assert names(files) == [export.file]
    assert job_of(export).status == "SUCCESSFUL"


def has_begun(export: Any) -> bool:
    export.refresh_from_db()
    return bool(export.done)
