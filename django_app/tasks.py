"""Background jobs: the tasks that workers run, and how the tasks are enqueued."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import IO
from uuid import UUID

from django.db import connections, transaction
from django.db.models import F, Max, Value
from django.db.models.functions import Greatest, Now
from django_tasks import TaskContext, task

from contract.formats import FIELDS, FORMATS
from django_app import figures, storage
from django_app.events import number_events
from django_app.figures import SNAPSHOT
from django_app.jobs import Job, JobFailed, check_owner
from django_app.models import DayStatistic, Export, User, WorkerProcess

PAGE = 2000  # users read and written at once


@task(takes_context=True)
def export_users(context: TaskContext, export_id: str) -> str:
    """Write all users to a file in the storage; return its name.

    A worker that is killed leaves no finished file, and the worker that takes over the job starts
    again. Running the job once more after it has ended changes nothing.

    Raises:
        JobFailed: the file cannot be written.
        LeaseLost: another worker has taken over the job.
    """
    job: Job = context.task_result.db_result  # type: ignore[attr-defined]  # of django_tasks_db
    export = Export.objects.get(id=export_id)
    if export.finished_at is not None:
        return export.file
    name = storage.name_of(export.id, export.media_type)
    # Users that left no events, as those of a restored table, are not in the figures.
    Export.objects.filter(id=export_id).update(total=max(0, figures.read().users), done=0)
    try:
        storage.exports().remove_parts(name)
        with storage.exports().replacing(name) as file:
            done = write_users(file, export, job)
    except OSError as error:
        raise JobFailed(f"The file could not be written: {error.strerror}.") from error
    with transaction.atomic():
        check_owner(job)
        export.total = export.done = done
        export.file, export.finished_at = name, Now()
        export.save(update_fields=["total", "done", "file", "finished_at"])
    return name


def write_users(file: IO[bytes], export: Export, job: Job) -> int:
    """Write all users in the format of an export; return their number."""
    head, write = FORMATS[export.media_type]
    file.write(head.encode())
    done = 0
    for rows in pages():
        file.write(write(rows).encode())
        done += len(rows)
        check_owner(job)
        total = Greatest(F("total"), Value(done))
        Export.objects.filter(id=export.id).update(done=done, total=total)
    return done


def pages() -> Iterator[list[tuple[int, str, str]]]:
    """Yield all users by id as of one moment, a page at a time, in constant memory.

    They come over a connection of their own, because a job also writes its progress.
    """
    users = User.objects.using(SNAPSHOT)
    last = 0
    try:
        with transaction.atomic(using=SNAPSHOT):
            while rows := [*users.filter(id__gt=last).values_list(*FIELDS)[:PAGE]]:
                yield rows
                last = rows[-1][0]
    finally:
        connections[SNAPSHOT].close()


@task()
def count_day(day: str) -> None:
    """Store the figures of a day, also if nothing has changed on it."""
    number_events()
    figures.carry()
    figures.begin_day(date.fromisoformat(day))


def order_export(media_type: str) -> None:
    """Store an export and enqueue its job; a worker never sees the one without the other."""
    with transaction.atomic():
        enqueue_export(Export.objects.create(media_type=media_type))


def enqueue_export(export: Export) -> None:
    """Enqueue a job that makes an export; the caller has a transaction."""
    export.task_id = UUID(str(export_users.enqueue(str(export.id)).id))
    export.save(update_fields=["task_id"])


def enqueue_pending_exports() -> None:
    """Enqueue a job for each export that FastAPI has stored without one."""
    pending = Export.objects.filter(task_id=None, finished_at=None)
    # This runs every second; a transaction each time would keep blocking SQLite's only writer.
    if pending.exists():
        with transaction.atomic():
            for export in pending.select_for_update(skip_locked=True):
                enqueue_export(export)


def enqueue_statistics_of_yesterday(known: date | None) -> date | None:
    """Enqueue the statistics of yesterday unless they exist; return the date of yesterday.

    The last lease says what day it is by the clock of the database.

    Args:
        known: the date that the previous call returned; that day is not enqueued again.
    """
    latest: datetime | None = WorkerProcess.objects.aggregate(latest=Max("seen_at"))["latest"]
    if latest is None:
        return known
    yesterday = latest.date() - timedelta(days=1)
    if yesterday != known and not DayStatistic.objects.filter(day=yesterday).exists():
        count_day.enqueue(yesterday.isoformat())
    return yesterday
