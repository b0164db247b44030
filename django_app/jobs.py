"""Who runs a background job, and how each job ends.

A worker owns a job that is running while it is the last of the job's ``worker_ids``. It renews its
lease, the row in ``worker_processes``, every second. Each statement that ends a job or stores its
result holds only for the owner, so a worker that has lost its lease changes nothing any more.
"""

import logging
import time
from contextlib import suppress
from traceback import format_exception
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction

from django_app.models import LOST, Export, WorkerProcess
from django_app.storage import remove_export

logger = logging.getLogger("django_app.jobs")

MAX_ATTEMPTS = 5  # times that a job is started; then it has failed
NEVER = object()  # the lease of a worker that was not looked at before
LONGEST_STEP = 2.0  # seconds of silence that one look at the leases can prove

# A connection was cut, or a lock was not free: another attempt may succeed.
RETRIED = (OperationalError, InterfaceError)

Job = DBTaskResult[Any, Any]


class JobFailed(Exception):
    """A job cannot be done; the message is a reason that users may read."""


class LeaseLost(Exception):
    """Another worker has taken over the job."""


class WorkerLost(Exception):
    """The worker of a job ended without ending the job."""


def take(worker: str) -> Job | None:
    """Take the next job for a worker; return None if there is none."""
    with exclusive_transaction():
        job = DBTaskResult.objects.ready().get_locked()
        if job is not None:
            job.status = "RUNNING"
            job.worker_ids = [*workers_of(job), worker]
            DBTaskResult.objects.filter(id=job.id).update(
                status="RUNNING", started_at=Now(), worker_ids=job.worker_ids
            )
    return job


def workers_of(job: Job) -> list[str]:
    """Return the ids of the workers that have started a job; a script may have stored anything."""
    return job.worker_ids if isinstance(job.worker_ids, list) else []


def owned(job: Job) -> QuerySet[Job]:
    """Return the row of a job, or no row if the worker has lost the job."""
    return DBTaskResult.objects.running().filter(id=job.id, worker_ids=job.worker_ids)


def check_owner(job: Job) -> None:
    """Check that the worker still owns the job; within a transaction, lock the job.

    Raises:
        LeaseLost: the worker does not.
    """
    rows = owned(job)
    if transaction.get_connection().in_atomic_block:
        rows = rows.select_for_update()
    if not rows.values_list("id").first():
        raise LeaseLost


def succeed(job: Job, value: Any) -> None:
    """Store the return value of a job.

    Raises:
        LeaseLost: another worker has the job.
        TypeError: the value has no form in JSON.
    """
    _end(job, "SUCCESSFUL", return_value=value, exception_class_path="", traceback="")


def fail(job: Job, error: BaseException) -> None:
    """Store why a job, and the export that it was to make, have failed.

    Raises:
        LeaseLost: another worker has the job.
    """
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    text = storable("".join(format_exception(error)))
    with transaction.atomic():
        _end(job, "FAILED", return_value=None, exception_class_path=name, traceback=text)
        exports = Export.objects.filter(task_id=job.id, finished_at=None)
        failed = [*exports.values_list("id", "media_type")]
        exports.update(finished_at=Now(), error=reason_of(error))
    logger.error("The job %s of %s has failed", job.id, job.task_path, exc_info=error)
    for export_id, media_type in failed:
        remove_export(export_id, media_type)


def _end(job: Job, status: str, **values: Any) -> None:
    if not owned(job).update(status=status, finished_at=Now(), **values):
        raise LeaseLost


def reason_of(error: BaseException) -> str:
    """Return the reason of a failure that users may read; a message could have secrets."""
    if isinstance(error, (JobFailed, WorkerLost)):
        return storable(str(error))[:200]
    return f"The job ended with {type(error).__name__}."[:200]


def storable(text: str) -> str:
    """Return a text that PostgreSQL can store: without NUL and without half of a character."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def release(job: Job, error: BaseException) -> None:
    """Put a job back into the queue, or let it fail after too many attempts.

    Args:
        error: why the attempt has not ended the job.
    """
    if len(workers_of(job)) >= MAX_ATTEMPTS:
        with suppress(LeaseLost):
            fail(job, error)
    elif owned(job).update(status="READY"):
        logger.warning("The job %s starts again: %s", job.id, error)


def release_jobs_of(worker: str) -> None:
    """Release what a worker owns; the worker itself calls this when it runs none."""
    for job in DBTaskResult.objects.running():
        if workers_of(job)[-1:] == [worker]:
            release(job, WorkerLost("The worker lost the database before the job had ended."))


class Leases:
    """Finds the jobs whose worker no longer renews its lease.

    No clock is compared with that of another machine: a lease has expired when its row has not
    changed for LOST seconds of this process's own monotonic clock. SQLite has no clock of its own,
    and a database's clock may be set while a job runs.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, float]] = {}  # lease and its age, by worker
        self._looked = time.monotonic()

    def release_lost(self) -> None:
        """Look at the leases of all running jobs; release the jobs whose lease has expired."""
        jobs = [*DBTaskResult.objects.running()]
        owners = {job.id: str(workers_of(job)[-1:]) for job in jobs}
        now = time.monotonic()
        # A wait for the database, or a pause of this process, says nothing about other workers.
        step, self._looked = min(now - self._looked, LONGEST_STEP), now
        leases = {str([key]): seen for key, seen in WorkerProcess.objects.values_list()}
        before, self._seen = self._seen, {}
        for owner in owners.values():
            lease, age = before.get(owner, (NEVER, 0.0))
            silent = lease == leases.get(owner)
            self._seen[owner] = leases.get(owner), age + step if silent else 0.0
        for job in jobs:
            if self._seen[owners[job.id]][1] > LOST:
                release(job, WorkerLost("The worker ended before the job had ended."))


def renew_lease(worker: str) -> None:
    """Renew the lease of a worker."""
    WorkerProcess.objects.update_or_create(id=worker, defaults={"seen_at": Now()})


def open_jobs() -> set[UUID]:
    """Return the ids of the jobs that are queued or running."""
    rows = DBTaskResult.objects.filter(status__in=["READY", "RUNNING"])
    return {*rows.values_list("id", flat=True)}
