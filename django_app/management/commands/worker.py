"""``python manage.py worker``: run background jobs, on any number of machines."""

import logging
import os
import threading
import time
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

HEARTBEAT = 1.0  # seconds between two heartbeats
POLL = 0.5  # seconds between two queries for jobs


class Command(BaseCommand):
    """Run jobs until SIGTERM; finish the running job first."""

    help = "Run background jobs, including those that a dead worker left unfinished."

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the heartbeat thread and run jobs."""
        name = f"{os.uname().nodename[:24]}-{uuid4().hex}"
        threading.Thread(target=send_heartbeats, args=(name,), daemon=True).start()
        worker = Worker(
            queue_names=["*"],
            interval=POLL,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=name,
            excluded_queue_names=[],
        )
        worker.configure_signals()
        worker.run()


def send_heartbeats(name: str) -> None:
    """Send heartbeats, enqueue pending work, and put jobs of dead workers back into the queue."""
    yesterday: date | None = None
    while True:
        try:
            WorkerProcess.objects.update_or_create(id=name, defaults={"seen_at": timezone.now()})
            enqueue_pending_exports()
            yesterday = enqueue_statistics_of_yesterday(yesterday)
            requeue_lost_jobs()
        # The loop must go on: without heartbeats other workers would take over this worker's jobs.
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The worker waits for the database: %s", error)
        close_old_connections()
        # The interval between two heartbeats; the thread is a daemon, so a stop need not wake it.
        time.sleep(HEARTBEAT)


def requeue_lost_jobs() -> None:
    """Put the jobs of workers without a heartbeat back into the queue."""
    deadline = timezone.now() - timedelta(seconds=LOST)
    lost = WorkerProcess.objects.filter(seen_at__lt=deadline - timedelta(days=1))
    if lost.exists():
        lost.delete()
    alive = {*WorkerProcess.objects.filter(seen_at__gte=deadline).values_list("id", flat=True)}
    for job in DBTaskResult.objects.running().filter(started_at__lt=deadline):
        if job.worker_ids[-1] not in alive:
            same = DBTaskResult.objects.running().filter(id=job.id, started_at=job.started_at)
            # Another worker may have requeued the job already.
            if same.update(status="READY"):
                logger.warning("The job %s has lost its worker and starts again", job.id)
