"""The file of the secret key: read, written whole or not at all, and named when it is unusable."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from contract.private_files import DIRECTORY_MODE, FILE_MODE, make_private

MIN_KEY = 50  # characters of a secret key that `manage.py check --deploy` accepts


class UnusableKeyError(Exception):
    """The file exists, but holds no key; the message says why and what to do."""


def new_key() -> str:
    """Return a new random key."""
    return secrets.token_urlsafe(50)


def read_key(file: Path) -> str | None:
    """Return the key in a file; None if there is no file.

    Raises:
        UnusableKeyError: the file is empty, too short, unreadable, or no file.
    """
    try:
        mode = file.stat().st_mode
        # A pipe would wait for a writer, for ever.
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise UnusableKeyError(describe(file, f"is {kind}"))
        # A file of another account, such as a mounted secret, stays as it is.
        with suppress(OSError):
            make_private(file)
        key = file.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnusableKeyError(describe(file, f"cannot be read ({reason})")) from error
    if len(key) < MIN_KEY:
        fault = f"has {len(key)} characters instead of {MIN_KEY}" if key else "is empty"
        raise UnusableKeyError(describe(file, fault))
    return key


def describe(file: Path, fault: str) -> str:
    """Return the one sentence about an unusable file."""
    return f"The secret key's file {file} {fault}; run: python manage.py prepare --new-key"


def write_missing_key(file: Path) -> bool:
    """Write a new key unless the file exists; return whether it was written.

    Raises:
        OSError: the directory is missing and cannot be made, or is read-only.
    """
    if file.exists():
        return False
    complete = _write_beside(file)
    try:
        # Unlike a rename, a link never replaces the key of a process that was faster.
        os.link(complete, file)
    except FileExistsError:
        return False
    finally:
        complete.unlink()
    return True


def replace_key(file: Path) -> None:
    """Write a new key in place of the old one; at every moment the file has one of them.

    Raises:
        OSError: the directory cannot be written to.
    """
    complete = _write_beside(file)
    try:
        complete.replace(file)
    finally:
        complete.unlink(missing_ok=True)


def set_aside(file: Path) -> None:
    """Move an unusable file aside, so that programs start again; keep a usable one.

    Raises:
        OSError: the directory cannot be written to.
    """
    try:
        read_key(file)
    except UnusableKeyError:
        file.rename(file.with_name(f"{file.name}.unusable-{secrets.token_hex(4)}"))


def _write_beside(file: Path) -> Path:
    """Write a new key to a file of its own, down to the disk; return its path."""
    file.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    path = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
    with open(descriptor, "w") as opened:
        opened.write(new_key())
        opened.flush()
        os.fsync(descriptor)
    return path
