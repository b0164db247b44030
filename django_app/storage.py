"""Where static files are found in URLs, and how exports are kept."""

import os
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import FileSystemStorage
from django.urls import get_script_prefix

from contract.private_files import OTHERS


class PrefixedStaticFilesStorage(StaticFilesStorage):
    """Put the prefix that the app is mounted under before each URL.

    Django itself does so only for a relative STATIC_URL, and then keeps the first prefix that it
    sees: the empty one, when something asks before the first request.
    """

    def url(self, name: str | None) -> str:
        return get_script_prefix().rstrip("/") + super().url(name)


class PrivateFileStorage(FileSystemStorage):
    """Keep files that only the server's own account may read, from their first moment on.

    Django itself takes the permissions of others away when a file has been written.
    """

    def _save(self, name: str, content: Any) -> str:
        # It is the whole process's, which is a worker: all that it makes meanwhile is private, too.
        before = os.umask(OTHERS)
        try:
            saved: str = super()._save(name, content)  # type: ignore[misc]  # not in the stubs
            return saved
        finally:
            os.umask(before)
