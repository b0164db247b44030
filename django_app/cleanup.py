"""What workers delete from time to time: what is old, and files without an export."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import compile as pattern
from threading import Event
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from contract.webhooks import REMEMBERED
from django_app import figures
from django_app.events import number_hidden_events
from django_app.jobs import open_jobs
from django_app.models import Export, UserEvent, WebhookMessage, WebhookSubject, WorkerProcess
from django_app.storage import PART, remove_export

logger = logging.getLogger("django_app.cleanup")

BATCH = 1000  # rows that one transaction deletes: writers of SQLite wait for it
PAUSE = 0.02  # seconds after it, in which they get in: they try again only now and then
NEVER = Event()  # its wait() is a pause, also where libfaketime changes the clock

# Files that have no export are left alone for a day: a job may be writing one.
ORPHAN_AGE = timedelta(days=1)
OURS = pattern(
    r"\.?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:_\w+)?\.(?:ndjson|csv)(?:\..*\.part)?"
)


def ago(age: timedelta) -> ExpressionWrapper[Any]:
    """Return a time in the past by the clock of the database."""
    return ExpressionWrapper(Now() - age, output_field=DateTimeField())


def delete_in_batches(rows: QuerySet[Any]) -> None:
    """Delete rows, some in each transaction."""
    while keys := [*rows.values_list("pk", flat=True)[:BATCH]]:
        rows.filter(pk__in=keys).delete()
        rest()


def rest() -> None:
    """Let others write between two batches."""
    NEVER.wait(PAUSE)


def end_exports_without_job() -> None:
    """End exports whose job has ended or is gone, as after a restored backup."""
    known = Export.objects.filter(finished_at=None).exclude(task_id=None)
    waiting = [*known.values_list("id", "task_id", "media_type")]
    if not waiting:
        return
    # Read after the exports: a job that is enqueued meanwhile is seen.
    running = open_jobs()
    for export_id, task_id, media_type in waiting:
        if task_id not in running:
            same = Export.objects.filter(id=export_id, task_id=task_id, finished_at=None)
            if same.update(finished_at=Now(), error="The job of this export is gone."):
                remove_export(export_id, media_type)


def delete_old_exports() -> None:
    """Delete the exports that are older than the setting allows, with their files."""
    old = Export.objects.filter(finished_at__lt=ago(timedelta(days=settings.EXPORT_DAYS)))
    for export_id, media_type in old.values_list("id", "media_type"):
        # A file that stays behind is removed as an orphan.
        Export.objects.filter(id=export_id).delete()
        remove_export(export_id, media_type)
        logger.info("Deleted the export %s", export_id)


def delete_old_records() -> None:
    """Delete the records of ended jobs, workers, sessions and webhooks that nobody needs."""
    finished = Q(finished_at__lt=ago(timedelta(days=settings.EXPORT_DAYS)))
    kept = Export.objects.exclude(task_id=None).values("task_id")
    delete_in_batches(DBTaskResult.objects.finished().filter(finished).exclude(id__in=kept))
    WorkerProcess.objects.filter(seen_at__lt=ago(timedelta(days=1))).delete()
    delete_in_batches(Session.objects.filter(expire_date__lt=Now()))
    for received in (WebhookMessage, WebhookSubject):
        delete_in_batches(received.objects.filter(received_at__lt=ago(REMEMBERED)))


def delete_old_events() -> None:
    """Delete the events that are older than the setting allows, the oldest first.

    The newest event stays: listeners that have received it would be told to reset. So do those that
    the figures do not contain yet.
    """
    if settings.EVENTS_KEPT is None:
        return
    events = UserEvent.objects.order_by("id")
    carried, newest = figures.find_mark("default")
    old = UserEvent.objects.filter(at__lt=ago(timedelta(days=settings.EVENTS_KEPT)))
    # The times have no index, but nearly the order of the ids.
    last, deleted = 0, 1
    while deleted:
        batch = events.filter(id__gt=last, id__lte=min(carried, newest - 1))
        after, last = last, max(batch.values_list("id", flat=True)[:BATCH], default=last)
        deleted, _ = old.filter(id__gt=after, id__lte=last).delete()
        rest()


def delete_orphans() -> None:
    """Delete files of exports that the database does not know."""
    before = (datetime.now(UTC) - ORPHAN_AGE).timestamp()
    found = {path: OURS.fullmatch(path.name) for path in files()}
    ours = {path: UUID(match[1]) for path, match in found.items() if match}
    # Read after the directory: a file that is made meanwhile is not in the list.
    exports = Export.objects.filter(id__in={*ours.values()})
    used = {*exports.exclude(file="").values_list("file", flat=True)}
    unfinished = {*exports.filter(finished_at=None).values_list("id", flat=True)}
    for path, export_id in ours.items():
        is_part = path.name.endswith(PART)
        if path.name in used or (export_id in unfinished and not is_part):
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                logger.warning("Deleted the file %s, which belongs to no export", path.name)


def files() -> Iterator[Path]:
    """Yield the files in the directory of exports."""
    directory = Path(settings.MEDIA_ROOT)
    if directory.is_dir():
        yield from directory.iterdir()


STEPS: list[Callable[[], None]] = [
    end_exports_without_job,
    delete_old_exports,
    delete_old_records,
    number_hidden_events,
    figures.carry,
    delete_old_events,
    delete_orphans,
]
