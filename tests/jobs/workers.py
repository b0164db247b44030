"""Worker processes for tests, also with a clock that is wrong, and what their jobs leave behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.databases import missing
from tests.servers import ROOT, Server, running

# Debian's faketime; intervals must stay as they are, only dates are wrong.
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@contextmanager
def working(*program: object, ahead: int = 0, **env: str) -> Iterator[Server]:
    """Run a worker in a process of its own until the block ends.

    Args:
        program: instead of ``manage.py worker``.
        ahead: minutes by which its clock is ahead of the others.
    """
    if ahead:
        if not FAKETIME:
            missing("libfaketime is not installed (Debian: apt-get install faketime)")
        env |= {
            "LD_PRELOAD": str(FAKETIME[0]),
            "FAKETIME": f"{ahead:+d}m",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    arguments = program or (ROOT / "manage.py", "worker")
    with running("python", *arguments, env=env) as worker:
        yield worker


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory of exports, for the workers and for this process."""
    directory = tmp_path / "files"
    monkeypatch.setenv("GATEWAY_FILES_DIR", str(directory))
    return directory


def names(directory: Path) -> list[str]:
    """Return the names of the files in a directory; none if it is missing."""
    return sorted(os.listdir(directory)) if directory.is_dir() else []


def order(**values: Any) -> Any:
    """Order an export as FastAPI does: a row without a job."""
    from django_app.models import Export

    return Export.objects.create(**{"media_type": "application/x-ndjson", **values})


def job_of(export: Any) -> Any:
    """Return the job of an export, as it is now."""
    from django_tasks_db.models import DBTaskResult

    export.refresh_from_db()
    return DBTaskResult.objects.get(id=export.task_id)


def has_ended(export: Any) -> bool:
    """Return whether an export and its job have ended."""
    export.refresh_from_db()
    return bool(export.finished_at) and job_of(export).status in ("SUCCESSFUL", "FAILED")


def stored(result: Any) -> Any:
    """Return the job of a task that was enqueued, as it is now."""
    from django_tasks_db.models import DBTaskResult

    return DBTaskResult.objects.get(id=result.id)
