"""A worker that is killed at one stage of an export: ``python -m tests.jobs.killed STAGE``."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from django.core.management import call_command

from django_app.project import set_up

STAGES = ("taken", "begun", "written", "renamed", "saved")


def die(*_: Any) -> NoReturn:
    """End as after ``kill -9``."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL has not ended the process")


def some_pages() -> Iterator[Any]:
    yield next(pages())
    die()


def die_at(stage: str) -> None:
    """Let the worker die where a stage ends, just before its next step."""
    steps: dict[str, tuple[Any, str, Any]] = {
        "taken": (worker.JobWorker, "run_task", die),
        "begun": (tasks, "pages", some_pages),
        "written": (Path, "replace", die),
        "renamed": (storage, "sync_directory", die),
        "saved": (jobs, "succeed", die),
    }
    owner, name, step = steps[stage]
    assert hasattr(owner, name)
    setattr(owner, name, step)


if __name__ == "__main__":
    set_up()
    from django_app import jobs, storage, tasks, worker

    pages = tasks.pages
    die_at(sys.argv[1])
    call_command("worker")
