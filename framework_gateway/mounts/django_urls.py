"""Import the URLs of a Django project with its application, not at the first request."""

import sys
from importlib import import_module


def import_urls() -> None:
    """Import the URLs, and so the views, of the Django project in this process, if there is one.

    Django does it at the first request. A project whose views cannot be imported would start, take
    the place of a good version, and answer every request with 500.
    """
    registry, conf = sys.modules.get("django.apps"), sys.modules.get("django.conf")
    if registry is None or conf is None or not registry.apps.ready:
        return
    if name := getattr(conf.settings, "ROOT_URLCONF", None):
        import_module(name)
