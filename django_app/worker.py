"""A worker: takes jobs, runs them, and outlives whatever a job or the database does."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from types import FrameType
from typing import Any

from django.db import connection
from django_tasks_db.compat import TaskContext
from django_tasks_db.management.commands.db_worker import Worker

from contract.settings import get_settings
from django_app import cleanup, jobs
from django_app.events import number_events
from django_app.jobs import Job, JobFailed, LeaseLost, WorkerLost
from django_app.tasks import enqueue_pending_exports, enqueue_statistics_of_yesterday

logger = logging.getLogger("django_app.worker")

RENEWAL = 1.0  # seconds between two renewals of the lease
POLL = 0.5  # seconds between two queries for jobs
CLEANUP = 600.0  # seconds between two cleanups
FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0  # seconds until another try after an error

EXIT_OVERDUE = 1

# Its wait() is a pause. time.sleep() fails where libfaketime changes the clock, as some tests do.
NEVER = threading.Event()

Step = Callable[[], object]


class Told:
    """Logs an error once, with its traceback, until it is over."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.error: str | None = None

    def fails(self, error: BaseException) -> None:
        """Log an error, unless it is that of the last time."""
        text = f"{type(error).__name__}: {error}"
        if text != self.error:
            logger.error("%s failed and is tried again", self.what, exc_info=error)
        self.error = text

    def works(self) -> None:
        """Log that an error is over."""
        if self.error is not None:
            logger.warning("%s works again", self.what)
        self.error = None


class JobWorker(Worker):
    """Runs jobs until it is stopped; the running job is finished first.

    Args:
        name: the id of the worker, which no other worker has.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            queue_names=["*"],
            interval=POLL,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=name,
            excluded_queue_names=[],
        )
        self.is_forced = False  # stopped twice: do not wait for the running job
        self.current: tuple[Job, float] | None = None  # the running job, and when it began

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Stop after the running job; at the second signal, stop at once."""
        self.is_forced = not self.running
        super().shutdown(signum, frame)

    def run(self) -> None:
        """Take and run jobs."""
        told = Told("Taking a job")
        delay = FIRST_DELAY
        while self.running:
            try:
                if told.error is not None:
                    # The error may have left a job behind: its end could not be stored.
                    jobs.release_jobs_of(self.worker_id)
                job = jobs.take(self.worker_id)
                told.works()
                delay = FIRST_DELAY
                if job is not None:
                    self.run_task(job)
                elif self.running:
                    # The interval between two queries.
                    NEVER.wait(self.interval)
            # The next job may be fine.
            except Exception as error:
                told.fails(error)
                drop_connection()
                NEVER.wait(delay)  # gives the database time to come back; SIGTERM ends it
                delay = min(2 * delay, LONGEST_DELAY)
            renew_connection()

    def run_task(self, db_task_result: Job) -> None:
        """Run a job; store how it has ended, or put it back into the queue."""
        self.running_task = True
        self.current = (db_task_result, time.monotonic())
        try:
            self._run_job(db_task_result)
        except LeaseLost:
            logger.warning("The job %s was taken over by another worker", db_task_result.id)
        finally:
            self.current = None
            self.running_task = False
        if self.is_forced:
            sys.exit(1)

    def end_overdue_job(self) -> None:
        """Let a job that runs for too long fail, and end the process: a thread cannot be stopped.

        Another worker, or the next process of this one, runs the other jobs.
        """
        limit = get_settings().job_timeout
        current = self.current
        if current is None or time.monotonic() - current[1] <= limit:
            return
        try:
            jobs.fail(current[0], JobFailed(f"The job took longer than {limit:g} seconds."))
        except LeaseLost:
            return  # it has ended after all
        logger.error("The worker ends with its job, so that another one can start")
        os._exit(EXIT_OVERDUE)

    def _run_job(self, job: Job) -> None:
        try:
            task = job.task
            result = job.task_result
            context: list[Any] = [TaskContext(task_result=result)] if task.takes_context else []
            jobs.succeed(job, task.call(*context, *result.args, **result.kwargs))
        except LeaseLost:
            raise
        except jobs.RETRIED as error:
            drop_connection()
            jobs.release(job, error)
        # Also SystemExit: the job ends, not the worker.
        except BaseException as error:
            if self.is_forced:
                return jobs.release(job, WorkerLost("The worker was stopped."))
            jobs.fail(job, error)


def renew_connection() -> None:
    """Let the next query of this thread check its connection, and open another if it is lost."""
    with suppress(Exception):  # an error shows again at that query
        connection.close_if_unusable_or_obsolete()


def drop_connection() -> None:
    """Close the thread's connection after an error; the next query opens another."""
    with suppress(Exception):  # the connection is given up, however it ends
        connection.close()


def start_threads(worker: JobWorker) -> None:
    """Renew the lease of a worker, watch its job and other leases, do the chores; in threads.

    The lease has a thread of its own: neither a slow disk nor a long queue may delay it.
    """
    leases = jobs.Leases()
    yesterday: date | None = None

    def count_yesterday() -> None:
        nonlocal yesterday
        yesterday = enqueue_statistics_of_yesterday(yesterday)

    def renew_lease() -> None:
        jobs.renew_lease(worker.worker_id)

    start_repeating(RENEWAL, renew_lease, worker.end_overdue_job, leases.release_lost)
    start_repeating(RENEWAL, number_events, enqueue_pending_exports, count_yesterday)
    start_repeating(CLEANUP, *cleanup.STEPS)


def start_repeating(seconds: float, *steps: Step) -> None:
    """Run steps again and again in a thread that ends with the process."""
    threading.Thread(target=repeat, args=(seconds, steps), daemon=True).start()


def repeat(seconds: float, steps: Sequence[Step]) -> None:
    """Run steps again and again, whatever they raise."""
    told = {step: Told(f"{step.__name__}()") for step in steps}
    while True:
        for step in steps:
            try:
                step()
                told[step].works()
            # Without its lease the worker would lose its jobs.
            except Exception as error:
                told[step].fails(error)
                drop_connection()
        renew_connection()
        # The interval; the thread is a daemon, so a stop need not wake it.
        NEVER.wait(seconds)
