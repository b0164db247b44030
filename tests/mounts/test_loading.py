"""Import strings, factories, and the distinction between WSGI and ASGI applications."""

import functools
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

from framework_gateway.mounts.loading import ApplicationError, load


def wsgi(environ: Any, start_response: Any) -> Any: ...


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


def wrapped(app: Any, scope: Any, receive: Any, send: Any) -> Any: ...


class WSGIClass:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class ASGIClass:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def create_app(settings: Any = None) -> Any:
    return WSGIClass()


class Holder:
    app = asgi


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        (wsgi, "wsgi"),
        (WSGIClass(), "wsgi"),
        (Flask("x"), "wsgi"),
        (WSGIHandler.__new__(WSGIHandler), "wsgi"),
        (create_app, "wsgi"),
        (lambda: wsgi, "wsgi"),
        (asgi, "asgi"),
        (ASGIClass(), "asgi"),
        (ASGIClass, "asgi"),
        (Starlette(), "asgi"),
        (FastAPI(), "asgi"),
        (ASGIHandler.__new__(ASGIHandler), "asgi"),
        (lambda: asgi, "asgi"),
        (functools.partial(wrapped, asgi), "asgi"),
        ("tests.mounts.test_loading:wsgi", "wsgi"),
        ("tests.mounts.test_loading:create_app", "wsgi"),
        ("tests.mounts.test_loading:create_app()", "wsgi"),
        ("tests.mounts.test_loading:Holder.app", "asgi"),
    ],
    ids=range(18),
)
def test_wsgi_and_asgi_applications_are_recognised(application: Any, kind: str) -> None:
    assert load(application)[1] == kind


@pytest.mark.parametrize(
    ("application", "message"),
    [
        ("tests.mounts", "must be in format"),
        (":app", "must be in format"),
        ("tests.mounts:", "must be in format"),
        ("tests.mounts:nothing", 'Attribute "nothing" not found in module'),
        ("tests.mounts:__name__", "is neither a WSGI nor an ASGI application"),
        (7, "is neither a WSGI nor an ASGI application"),
        (lambda one: None, "is neither a WSGI nor an ASGI application"),
        (lambda: 7, "is neither a WSGI nor an ASGI application"),
        (lambda *anything: None, "is neither a WSGI nor an ASGI application"),
    ],
    ids=range(9),
)
def test_other_objects_are_refused(application: Any, message: str) -> None:
    with pytest.raises(ApplicationError, match=message):
        load(application)


def test_a_missing_module_is_reported() -> None:
    with pytest.raises(ApplicationError, match="Could not import module"):
        load("no_such_package:app")


def test_an_error_during_an_import_is_raised(tmp_path: Path) -> None:
    (tmp_path / "broken_import.py").write_text("import no_such_package\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            load("broken_import:app")
    finally:
        sys.path.remove(str(tmp_path))
