"""What workers remove from time to time: old exports, files without an export, old job records."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import compile as pattern
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from django_app import figures
from django_app.jobs import open_jobs
from django_app.models import Export, WorkerProcess
from django_app.storage import PART, remove_export

logger = logging.getLogger("django_app.cleanup")

# Files that have no export are left alone for a day: a job may be writing one.
ORPHAN_AGE = timedelta(days=1)
OURS = pattern(
    r"\.?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:_\w+)?\.(?:ndjson|csv)(?:\..*\.part)?"
)


def ago(age: timedelta) -> ExpressionWrapper[Any]:
    """Return a time in the past by the clock of the database."""
    return ExpressionWrapper(Now() - age, output_field=DateTimeField())


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
    """Delete the records of ended jobs that no export needs, and of workers that have gone."""
    finished = Q(finished_at__lt=ago(timedelta(days=settings.EXPORT_DAYS)))
    kept = Export.objects.exclude(task_id=None).values("task_id")
    DBTaskResult.objects.finished().filter(finished).exclude(id__in=kept).delete()
    WorkerProcess.objects.filter(seen_at__lt=ago(timedelta(days=1))).delete()


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
    figures.carry,
    delete_orphans,
]
