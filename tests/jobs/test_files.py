"""Files of exports: whole or not at all, also on a full disk, and deleted when they are old."""

import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from starlette.testclient import TestClient

from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite, missing
from tests.events.test_export import fill
from tests.jobs.workers import has_ended, names, order, working
from tests.servers import ROOT, SCRIPTS, run, running
from tests.wsgi.server import wait_until

# A disk of 300 kB for this process and its children alone.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=300k none "$GATEWAY_FILES_DIR" && exec "$@"'


def test_a_full_disk_is_a_clear_failure_and_leaves_room(
    database: SQLite | PostgreSQL, files: Path, tmp_path: Path
) -> None:
    unshare = shutil.which("unshare")
    space = ("--user", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh")
    files.mkdir()
    if unshare is None or run(unshare, *space, "true").returncode:
        missing("A disk of its own for a process needs user namespaces")
    fill(database, 20_000)
    big = order()
    with running(unshare, *space, SCRIPTS / "python", ROOT / "manage.py", "worker") as worker:
        wait_until(lambda: has_ended(big))
        assert big.error == "The file could not be written: No space left on device."
        # Seen through the worker's own root: nothing takes room there any more.
        assert names(Path(f"/proc/{worker.pid}/root{files}")) == []
        from django_app.models import User

        User.objects.filter(id__gt=100).delete()
        again = order()
        wait_until(lambda: has_ended(again))
        assert again.error == ""
        assert names(Path(f"/proc/{worker.pid}/root{files}")) == [again.file]


def test_old_exports_and_files_without_an_export_are_deleted(
    database: SQLite | PostgreSQL, files: Path
) -> None:
    from django.utils import timezone

    from django_app.models import Export

    old, new, gone = order(), order(), order()
    with working():
        wait_until(lambda: has_ended(old) and has_ended(new) and has_ended(gone))
    Export.objects.filter(id__in=[old.id, gone.id]).update(
        finished_at=timezone.now() - timedelta(days=8)
    )
    (files / gone.file).unlink()  # a file that is missing is no reason to stop
    left = [f"{uuid4()}.csv", f".{uuid4()}.ndjson.0123.part"]
    young, foreign = f"{uuid4()}.csv", "notes.csv"
    for name in (*left, young, foreign):
        (files / name).touch()
    for name in (*left, foreign):
        os.utime(files / name, (0, time.time() - 2 * 24 * 3600))
    with working():
        wait_until(lambda: names(files) == sorted([new.file, young, foreign]))
    assert [export.id for export in Export.objects.all()] == [new.id]


def test_an_export_whose_file_is_missing_is_404(gateway: TestClient) -> None:
    from django.utils import timezone

    export = order(file="missing.csv", finished_at=timezone.now())
    assert_problem(gateway.get(f"/fastapi/api/exports/{export.id}/result"), 404)
