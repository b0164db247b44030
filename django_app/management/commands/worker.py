"""``python manage.py worker``: run background jobs, on any number of machines."""

import logging
import os
import threading
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from django_app.models import LOST, WorkerProcess
from django_app.tasks import enqueue_pending_exports, enqueue_statistics_of_yesterday

logger = logging.getLogger("django_app.worker")

BEAT = 1.0  # seconds between two signs of life
LOOK = 0.5  # seconds between two looks for jobs


class Command(BaseCommand):
    """Run jobs until SIGTERM; a job that is running then is finished first."""

    help = "Runs background jobs; those of a worker that has died are taken up again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        name = f"{os.uname().nodename[:24]}-{uuid4().hex}"
        keeper = threading.Thread(target=keep, args=(name,), daemon=True)
        keeper.start()
        worker = Worker(
            queue_names=["*"],
            interval=LOOK,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=name,
            excluded_queue_names=[],
        )
        worker.configure_signals()
        worker.run()


def keep(name: str) -> None:
    """Beside the jobs: give signs of life, hand in what waits, take up what others have lost."""
    pause = threading.Event()
    yesterday: date | None = None
    while True:
        try:
            WorkerProcess.objects.update_or_create(id=name, defaults={"seen_at": timezone.now()})
            enqueue_pending_exports()
            yesterday = enqueue_statistics_of_yesterday(yesterday)
            take_up_lost_jobs()
        # Without signs of life others would take up the jobs of this worker, which goes on.
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The worker waits for the database: %s", error)
        close_old_connections()
        pause.wait(BEAT)


def take_up_lost_jobs() -> None:
    """Put jobs whose worker gives no sign of life back into the queue."""
    deadline = timezone.now() - timedelta(seconds=LOST)
    lost = WorkerProcess.objects.filter(seen_at__lt=deadline - timedelta(days=1))
    if lost.exists():
        lost.delete()
    alive = {*WorkerProcess.objects.filter(seen_at__gte=deadline).values_list("id", flat=True)}
    for job in DBTaskResult.objects.running().filter(started_at__lt=deadline):
        if job.worker_ids[-1] not in alive:
            same = DBTaskResult.objects.running().filter(id=job.id, started_at=job.started_at)
            # Another worker may have been quicker.
            if same.update(status="READY"):
                logger.warning("The job %s has lost its worker and begins anew", job.id)
