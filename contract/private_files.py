"""Files that only the server's own account can read: the database, exports, the secret key."""

import os
from contextlib import suppress
from pathlib import Path

from contract.addresses import File, parse_address

FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
OTHERS = 0o077  # the permissions of a file's group and of all other accounts


def make_private(path: Path) -> None:
    """Create a file if it is missing, and take away the permissions of other accounts.

    SQLite gives the ``-wal`` and ``-shm`` files the permissions of the database file.

    Raises:
        OSError: the directory is missing, or the file belongs to another account.
    """
    # Do not open an existing file: closing it would drop the locks that SQLite holds on it
    # (sqlite.org, How To Corrupt An SQLite Database File, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if is_open_to_others(part):
            part.chmod(FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    """Return whether a file or directory exists and gives other accounts any permission."""
    return path.exists() and bool(path.stat().st_mode & OTHERS)


def protect_database(url: str) -> None:
    """Make the file of an SQLite database private; do nothing for a database on a server.

    Errors, such as a missing directory, are ignored here: the next connection reports them.

    Args:
        url: the value of ``GATEWAY_DATABASE_URL``.
    """
    address = parse_address(url)
    if isinstance(address, File):
        try:
            make_private(address.path)
        except OSError:
            return
