"""Files that only the server's own account may read: the database, exports, the secret key."""

import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger("users")

FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
OTHERS = 0o077  # the permissions of a file's group and of everybody else


def make_private(path: Path) -> None:
    """Make sure that a file is there and that nobody else may read it.

    A new file is created private. SQLite gives the files beside its database the
    database's own permissions.

    Raises:
        OSError: its directory is missing, or the file is somebody else's.
    """
    # Never open one that is there: to close it would drop the locks that SQLite holds on it
    # (sqlite.org, How To Corrupt An SQLite Database File, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if is_open_to_others(part):
            part.chmod(FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    """Tell whether a file or a directory is there and others have a permission for it."""
    return path.exists() and bool(path.stat().st_mode & OTHERS)


def warn_of_directory(path: Path) -> None:
    """Warn of a directory that others may enter; it may have been somebody's intention."""
    if is_open_to_others(path):
        logger.warning("Others may enter the directory of exports; run: chmod 700 %s", path)


def protect_database(url: str) -> None:
    """Make the file of an SQLite database private; leave a database on a server alone.

    What is in the way, a missing directory for one, is said by whatever connects next.

    Args:
        url: as in ``GATEWAY_DATABASE_URL``.
    """
    if url.startswith("sqlite:///"):
        try:
            make_private(Path(url.removeprefix("sqlite:///")))
        except OSError:
            return
