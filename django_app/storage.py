"""Storages for static files and for exports."""

import os
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import FileSystemStorage
from django.urls import get_script_prefix

from contract.private_files import OTHERS


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
