"""The lock of the commands that change the whole database: one at a time, on all machines."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection

from contract.private_files import DIRECTORY_MODE, FILE_MODE

LOCK = 7236412  # of pg_advisory_lock; the triggers of the users table use another number
PAUSE = 0.1  # seconds between two attempts


@contextmanager
def exclusive(say: Callable[[str], object], seconds: float) -> Iterator[None]:
    """Hold the lock until the block ends; it also ends with the process, however that ends.

    Args:
        say: called with one line if another process holds the lock.
        seconds: how long to wait for it.

    Raises:
        CommandError: another process still holds the lock.
        DatabaseError, OSError: the database cannot be used.
    """
    lock = _lock_file if connection.vendor == "sqlite" else _advisory_lock
    with lock() as acquire:
        deadline = time.monotonic() + seconds
        if not acquire():
            say("Another process prepares or restores the database; waiting for it.")
            while not acquire():
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"Another process still prepares or restores the database after "
                        f"{seconds:g} s. Nothing was changed; try again later."
                    )
                # The pause between two attempts: neither kind of lock can wait with a limit.
                time.sleep(PAUSE)
        yield


@contextmanager
def _lock_file() -> Iterator[Callable[[], bool]]:
    """Lock a file next to the database; SQLite's own locks end with each transaction."""
    import fcntl  # not on Windows

    database = Path(connection.settings_dict["NAME"])
    database.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    # The file stays: deleting it would let two processes lock two files of the same name.
    path = database.with_name(f"{database.name}.lock")
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)

    def acquire() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield acquire
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_lock() -> Iterator[Callable[[], bool]]:
    """Lock in the database; the server releases the lock when it notices that the session ended."""

    def acquire() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            return bool(cursor.fetchone()[0])

    try:
        yield acquire
    finally:
        # Ends the session, and with it the lock, even after an error in a transaction.
        connection.close()
