"""Each job ends as done or failed with a reason, whatever it raises, and the worker goes on."""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.databases import PostgreSQL, SQLite
from tests.jobs.workers import has_ended, order, stored, working
from tests.wsgi.server import wait_until

pytestmark = pytest.mark.usefixtures("database", "files")

ENDS = {
    "exits": "SystemExit",
    "needs_too_much_memory": "MemoryError",
    "recurs": "RecursionError",
    "raises": "Unspeakable",
    "returns_what_json_has_not": "TypeError",
}


def enqueue(name: str, *arguments: str) -> Any:
    """Enqueue one of the jobs of ``tests.jobs.tasks``, which imports only once Django is set up."""
    from tests.jobs import tasks

    return getattr(tasks, name).enqueue(*arguments)


def test_whatever_a_job_raises_is_stored_and_the_next_job_runs() -> None:
    results = {name: enqueue(name) for name in ENDS}
    last = enqueue("succeeds")
    with working() as worker:
        wait_until(lambda: stored(last).status == "SUCCESSFUL")
        assert worker.poll() is None
        output = worker.output
    for name, error in ENDS.items():
        job = stored(results[name])
        assert job.status == "FAILED"
        assert job.exception_class_path.endswith(error)
        assert "Traceback" in job.traceback
        assert len(job.worker_ids) == 1
        assert f"The job {job.id} of tests.jobs.tasks.{name} has failed" in output


def test_an_export_of_an_unknown_format_fails_with_a_reason() -> None:
    export = order(media_type="text/unknown")
    with working():
        wait_until(lambda: has_ended(export))
    assert export.error == "The job ended with KeyError."


def test_a_job_that_never_ends_fails_and_ends_its_worker(tmp_path: Path) -> None:
    endless = enqueue("waits_for", str(tmp_path / "never"))
    with working(GATEWAY_JOB_TIMEOUT="0.5") as worker:
        assert worker.wait(30) == 1
    job = stored(endless)
    assert (job.status, len(job.worker_ids)) == ("FAILED", 1)
    assert "The job took longer than 0.5 seconds." in job.traceback
    last = enqueue("succeeds")
    with working():
        wait_until(lambda: stored(last).status == "SUCCESSFUL")


@pytest.mark.slow
def test_a_job_that_kills_its_worker_is_not_tried_for_ever() -> None:
    from django_tasks_db.models import DBTaskResult

    result = enqueue("kills_its_worker")
    DBTaskResult.objects.filter(id=result.id).update(worker_ids=["a", "b", "c", "d"])
    with working() as first:
        first.wait(20)
    assert stored(result).status == "RUNNING"
    with working():
        wait_until(lambda: stored(result).status == "FAILED", seconds=60)
    assert "The worker ended before the job had ended" in stored(result).traceback


def test_rows_that_a_script_has_spoilt_stop_no_worker(database: SQLite | PostgreSQL) -> None:
    for value in ("null", '{"a": 1}', '"text"'):
        for column in ("worker_ids", "args_kwargs"):
            change(database, column, value, enqueue("succeeds").id)
    good = enqueue("succeeds")
    with working():
        wait_until(lambda: stored(good).status == "SUCCESSFUL")


def change(database: SQLite | PostgreSQL, column: str, value: str, job: str) -> None:
    """Store JSON in a column of a job."""
    table = "django_tasks_database_dbtaskresult"
    if isinstance(database, PostgreSQL):
        with psycopg.connect(database.url) as postgresql:
            postgresql.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, job])
        return
    with sqlite3.connect(database.path) as connection:
        statement = f"UPDATE {table} SET {column} = ? WHERE id = ?"
        assert connection.execute(statement, [value, job.replace("-", "")]).rowcount == 1
    connection.close()


def test_an_export_whose_job_is_gone_ends(files: Path) -> None:
    from uuid import uuid4

    export = order(task_id=uuid4(), total=2)
    with working():
        wait_until(lambda: order_ended(export))
    assert export.error == "The job of this export is gone."


def order_ended(export: Any) -> bool:
    export.refresh_from_db()
    return bool(export.finished_at)
