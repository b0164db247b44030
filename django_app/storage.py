"""Where static files are found in URLs."""

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix


class PrefixedStaticFilesStorage(StaticFilesStorage):
    """Put the prefix that the app is mounted under before each URL.

    Django itself does so only for a relative STATIC_URL, and then keeps the first prefix that it
    sees: the empty one, when something asks before the first request.
    """

    def url(self, name: str | None) -> str:
        return get_script_prefix().rstrip("/") + super().url(name)
