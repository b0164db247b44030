"""Storages for static files and for exports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any
from uuid import UUID

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import FileSystemStorage, storages
from django.urls import get_script_prefix

from contract.formats import suffix_of
from contract.private_files import DIRECTORY_MODE, FILE_MODE, OTHERS

PART = ".part"  # the end of the name of a file that is being written


class PrefixedStaticFilesStorage(StaticFilesStorage):
    """Puts the prefix of the mount before each URL.

    Django does so only for a relative STATIC_URL, and then keeps the first prefix that it sees,
    which is empty when a URL is built before the first request.
    """

    def url(self, name: str | None) -> str:
        return get_script_prefix().rstrip("/") + super().url(name)


class PrivateFileStorage(FileSystemStorage):
    """Creates files that only the server's own account can read.

    Django removes the permissions of other accounts only after a file has been written.
    """

    def _save(self, name: str, content: Any) -> str:
        # The umask belongs to the whole process. Only workers save files here, and their other
        # files may be private, too.
        before = os.umask(OTHERS)
        try:
            saved: str = super()._save(name, content)  # type: ignore[misc]  # not in the stubs
            return saved
        finally:
            os.umask(before)

    @contextmanager
    def replacing(self, name: str) -> Iterator[IO[bytes]]:
        """Write a file under another name, and rename it when it is complete.

        Raises:
            OSError: the file cannot be written, as when the disk is full; nothing is left of it.
        """
        target = Path(self.path(name))
        target.parent.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{token_hex(8)}{PART}")
        try:
            with open(part, "xb", opener=private) as file:  # Path has no opener
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        # Whatever ended the writing, also a signal: half a file is of no use.
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_directory(target.parent)

    def remove_parts(self, name: str) -> None:
        """Remove what a killed worker has left of a file that it was writing."""
        target = Path(self.path(name))
        for part in target.parent.glob(f".{target.name}.*{PART}"):
            part.unlink(missing_ok=True)


def private(path: str, flags: int) -> int:
    """Open a file that only this account can read."""
    return os.open(path, flags, FILE_MODE)


def sync_directory(directory: Path) -> None:
    """Make a rename durable: it is a change of the directory (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exports() -> PrivateFileStorage:
    """Return the storage of exports."""
    storage = storages["default"]
    assert isinstance(storage, PrivateFileStorage)
    return storage


def name_of(export_id: UUID | str, media_type: str) -> str:
    """Return the name of an export's file. It has one name: a second attempt replaces the file."""
    return f"{export_id}.{suffix_of(media_type)}"


def remove_export(export_id: UUID | str, media_type: str) -> None:
    """Remove the file of an export and its parts; a file that stays is removed later."""
    name = name_of(export_id, media_type)
    with suppress(OSError):
        exports().remove_parts(name)
        Path(exports().path(name)).unlink(missing_ok=True)
