"""Backups of the database: one file, which is complete or missing, and how it is restored."""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.core.management.base import CommandError
from django.db import connection

from contract.engines import register_sqlite_functions
from contract.private_files import make_private
from contract.settings import get_settings
from django_app import postgresql_programs as programs
from django_app.models import UserEvent
from django_app.schema import OWN_APP, RECORDS, Migration

LAST_EVENT_ID = {
    "sqlite": "SELECT seq FROM sqlite_sequence WHERE name = 'user_events'",
    "postgresql": "SELECT max(last_value) FROM pg_sequences WHERE format('%I.%I', schemaname,"
    " sequencename)::regclass = pg_get_serial_sequence('user_events', 'id')::regclass",
}
SET_EVENT_ID = "UPDATE sqlite_sequence SET seq = %s WHERE name = 'user_events'"
SQLITE_HEAD = b"SQLite format 3\0"


def back_up(target: Path) -> None:
    """Write the whole database as of one moment to a file, while others read and write it.

    Raises:
        CommandError, OSError, sqlite3.Error: there is no backup; an older one is as before.
    """
    with replacing(target) as file:
        if connection.vendor == "sqlite":
            copy_sqlite(Path(connection.settings_dict["NAME"]), file)
            check_sqlite(file)
        else:
            programs.dump(file)
        flush(file)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield the path of a new, private file; at the end it replaces the target."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    make_private(part)
    try:
        yield part
        part.replace(target)
        flush(target.parent)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Write a file, or the names in a directory, down to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_migrations(file: Path) -> set[Migration]:
    """Return the migrations that were applied to a backup's database; check the file, too.

    Raises:
        CommandError: the file is no backup of this database system, or it is damaged.
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        is_sqlite = opened.read(len(SQLITE_HEAD)) == SQLITE_HEAD
    if is_sqlite != (connection.vendor == "sqlite"):
        raise CommandError(f"{file} is no backup of a database of {connection.display_name}.")
    migrations = _read_sqlite(file) if is_sqlite else programs.read_migrations(file)
    if OWN_APP not in {app for app, _ in migrations}:
        raise CommandError(f"{file} is no backup of this application.")
    return migrations


def _read_sqlite(file: Path) -> set[Migration]:
    check_sqlite(file)
    with closing(open_sqlite(file)) as database:
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?"
        if not database.execute(names, [RECORDS]).fetchone():
            return set()
        return {*database.execute("SELECT app, name FROM django_migrations")}


def restore(file: Path) -> None:
    """Replace the whole database by a backup, in one transaction.

    Programs that use the database need not stop: they read what was there before, or the backup.

    Raises:
        CommandError, OSError, sqlite3.Error: nothing was changed.
    """
    used = last_event_id()
    if connection.vendor == "sqlite":
        target = Path(connection.settings_dict["NAME"])
        make_private(target)
        copy_sqlite(file, target, into_log=True)
        connection.close()  # it may have read the schema before the restore
        use_event_ids_after(used)
    else:
        programs.restore(file, used)
        connection.close()


def last_event_id() -> int:
    """Return the largest id that an event has ever had; 0 without the table of events."""
    if UserEvent._meta.db_table not in connection.introspection.table_names():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(LAST_EVENT_ID[connection.vendor])
        row = cursor.fetchone()
    return int(row[0] or 0) if row else 0


def use_event_ids_after(used: int) -> None:
    """Give new events of SQLite ids that no event had before the restore.

    So a listener that was away finds that its last event is gone, even when there are new ones.
    """
    if used > last_event_id():
        with connection.cursor() as cursor:
            cursor.execute(SET_EVENT_ID, [used])
            if cursor.rowcount == 0:  # no id is noted before the first event
                cursor.execute("INSERT INTO sqlite_sequence VALUES ('user_events', %s)", [used])


def open_sqlite(file: Path) -> sqlite3.Connection:
    """Open an existing file as the applications do."""
    database = sqlite3.connect(
        f"file:{quote(str(file))}?mode=rw", uri=True, timeout=get_settings().database_timeout
    )
    register_sqlite_functions(database, "django")
    return database


def copy_sqlite(source: Path, target: Path, *, into_log: bool = False) -> None:
    """Copy a database with SQLite's online backup, in one step and so as of one moment.

    Args:
        into_log: write through the write-ahead log, so that others can read meanwhile.
    """
    with closing(open_sqlite(source)) as origin, closing(open_sqlite(target)) as copy:
        if into_log:
            copy.execute("PRAGMA journal_mode = WAL")
        origin.backup(copy, progress=until(get_settings().database_timeout))
        if not into_log:
            # The copy is one file, without a log.
            copy.execute("PRAGMA journal_mode = DELETE")


def until(seconds: float) -> Callable[[int, int, int], None]:
    """Return a function that ends the attempts to copy; a locked database has no limit itself."""
    deadline = time.monotonic() + seconds

    def progress(status: int, _remaining: int, _pages: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    return progress


def check_sqlite(file: Path) -> None:
    """Check every page and index of a database.

    Raises:
        CommandError: it is damaged.
    """
    with closing(open_sqlite(file)) as database:
        try:
            (result,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            result = str(error)
    if result != "ok":
        raise CommandError(f"{file} is damaged ({result.splitlines()[-1]}).")
