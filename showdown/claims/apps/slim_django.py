"""A small Django project on the users table, for WSGI and for ASGI: no middleware, no other apps.

The views are in ``slim_sync`` and ``slim_async``.
"""

from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from contract.settings import get_settings
from django_app.connections import describe_database


def wsgi() -> WSGIHandler:
    """Return the synchronous views as a WSGI application; each thread keeps its connection."""
    configure("showdown.claims.apps.slim_sync", describe())
    return WSGIHandler()


def asgi() -> ASGIHandler:
    """Return the asynchronous views as an ASGI application.

    Django runs the queries of each request in a thread of that request. As its documentation asks,
    connections are not kept by those threads: PostgreSQL's are in a pool.
    """
    database = describe() | {"CONN_MAX_AGE": 0}
    if "postgresql" in database["ENGINE"]:
        size = get_settings().threads
        database["OPTIONS"]["pool"] = {"min_size": size, "max_size": size}
    configure("showdown.claims.apps.slim_async", database)
    return ASGIHandler()


def describe() -> dict[str, Any]:
    """Return the settings of the database, with Django's own backend, which supports pools."""
    database = describe_database(get_settings())
    if database["ENGINE"] != "django_app.postgresql":
        return database
    bounds = {"lock_timeout", "statement_timeout"}
    options = {name: value for name, value in database["OPTIONS"].items() if name not in bounds}
    return database | {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options}


def configure(urls: str, database: dict[str, Any]) -> None:
    """Set Django up with the URLs of one module."""
    settings.configure(
        ROOT_URLCONF=urls,
        DATABASES={"default": database},
        SECRET_KEY="never used",
        ALLOWED_HOSTS=["127.0.0.1"],
        APPEND_SLASH=False,
        MIDDLEWARE=[],
        INSTALLED_APPS=[],
        LOGGING_CONFIG=None,  # Django's default sends errors by mail; Python's prints them
    )
    django.setup(set_prefix=False)
