"""Background jobs: the tasks that workers run, and how the tasks are enqueued."""

from collections.abc import Iterator
from datetime import date, timedelta
from tempfile import TemporaryFile
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connections, transaction
from django.db.models import Count
from django.utils import timezone
from django_tasks import task

from contract.formats import FIELDS, FORMATS, suffix_of
from django_app.models import DayStatistic, Export, User, UserEvent

PAGE = 2000  # users read and written at once
SNAPSHOT = "snapshot"  # the connection in whose transactions all queries see the same moment


@task()
def export_users(export_id: str) -> str:
    """Write all users to a file in the storage; return its name.

    A worker that is killed leaves no file; the worker that takes over the job starts again.
    """
    export = Export.objects.get(id=export_id)
    head, write = FORMATS[export.media_type]
    Export.objects.filter(id=export_id).update(total=User.objects.count(), done=0)
    try:
        with TemporaryFile("w+b") as file:
            file.write(head.encode())
            done = 0
            for rows in pages():
                file.write(write(rows).encode())
                done += len(rows)
                Export.objects.filter(id=export_id).update(done=done)
            name = default_storage.save(f"{export_id}.{suffix_of(export.media_type)}", File(file))
    except OSError as error:
        finish(export_id, error=f"The file could not be written: {error.strerror}.")
        raise
    finish(export_id, total=done, file=name)
    return name


def finish(export_id: str, **values: object) -> None:
    """Store the result of an export."""
    Export.objects.filter(id=export_id).update(finished_at=timezone.now(), **values)


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
    """Count the changes of a day."""
    counted = dict(
        UserEvent.objects.filter(at__date=day)
        .values_list("action")
        .annotate(count=Count("id"))
        .order_by()
    )
    figures = {str(action): counted.get(str(action), 0) for action in UserEvent.Action}
    values = {"total": User.objects.count(), **figures}
    DayStatistic.objects.update_or_create(day=date.fromisoformat(day), defaults=values)


def enqueue_export(export: Export) -> None:
    """Enqueue a job that makes an export."""
    export.task_id = UUID(str(export_users.enqueue(str(export.id)).id))
    export.save(update_fields=["task_id"])


def enqueue_pending_exports() -> None:
    """Enqueue a job for each export that FastAPI has stored without one."""
    pending = Export.objects.filter(task_id=None)
    # This runs every second; a transaction each time would keep blocking SQLite's only writer.
    if pending.exists():
        with transaction.atomic():
            for export in pending.select_for_update(skip_locked=True):
                enqueue_export(export)


def enqueue_statistics_of_yesterday(known: date | None) -> date:
    """Enqueue the statistics of yesterday unless they exist; return the date of yesterday.

    Args:
        known: the date that the previous call returned; that day is not enqueued again.
    """
    yesterday = timezone.now().date() - timedelta(days=1)
    if yesterday != known and not DayStatistic.objects.filter(day=yesterday).exists():
        count_day.enqueue(yesterday.isoformat())
    return yesterday
