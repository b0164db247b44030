"""``python manage.py worker``: run background jobs, on any number of machines."""

import os
from typing import Any
from uuid import uuid4

from django_app.management.terminal import TerminalCommand
from django_app.worker import JobWorker, start_threads


class Command(TerminalCommand):
    """Run jobs until SIGTERM; finish the running job first."""

    help = "Run background jobs, including those that a dead worker left unfinished."
    example = "python manage.py worker"

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the threads and run jobs."""
        worker = JobWorker(f"{os.uname().nodename[:24]}-{uuid4().hex}")
        start_threads(worker)
        worker.configure_signals()
        worker.run()
