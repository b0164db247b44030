"""Import strings, factories, and the distinction between WSGI and ASGI applications."""

import functools
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Request

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

    @staticmethod
    def create(name: str) -> Any:
        return WSGIClass()


async def async_factory() -> Any: ...


def factory_with_arguments(name: str, *, debug: bool) -> Any:
    assert (name, debug) == ("test", True)
    return WSGIClass()


# Applications whose signature tells nothing, or that are called in another way


class PEPClass:
    """The second example of PEP 3333: the class is the application."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Iterator[bytes]:
        yield b""


class Endpoint:
    """Starlette's endpoints: an instance is awaited for each request."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Generator[Any, None, None]:
        yield


class ASGI2Class:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


def asgi2(scope: Any) -> Any: ...


class Delegating:
    """Passes each call on, as agents for monitoring do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.app(*args, **kwargs)


class DelegatingCoroutine(Delegating):
    async def __call__(self, *args: Any) -> None: ...


class SlotCall:
    """``__call__`` is a slot that each instance fills."""

    __slots__ = ("__call__",)

    def __init__(self, call: Any) -> None:
        self.__call__ = call


class FirstAndRest:
    """WebOb's ``wsgify``."""

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) != 1:
            raise TypeError("not a call of WSGI")
        return []


def decorated(function: Any) -> Any:
    """Wrap a function of another signature, as Werkzeug's ``Request.application``."""

    @functools.wraps(function)
    def application(*args: Any) -> Any:
        environ, _start_response = args
        return function(environ)

    return application


@decorated
def view(request: Any) -> Any: ...


def passing_on(app: Any) -> Any:
    def inner(*args: Any, **kwargs: Any) -> Any:
        return app(*args, **kwargs)

    return inner


@functools.cache
def cached_factory() -> Any:
    return WSGIClass()


@functools.wraps(cached_factory)
def wrapped_factory(*args: Any, **kwargs: Any) -> Any:
    return cached_factory(*args, **kwargs)


def other_name_for_a_scope(connection: Any) -> Any:
    return ASGI2Class(connection)


class MadeByNew:
    def __new__(cls, environ: Any, start_response: Any) -> Any:
        return [b""]


class ByIndex:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __getitem__(self, index: int) -> bytes:
        raise IndexError


class SynchronousASGI2:
    def __init__(self, scope: Any) -> None: ...

    def __call__(self, receive: Any, send: Any) -> Any: ...


@pytest.mark.parametrize(
    "factory", [cached_factory, wrapped_factory, functools.lru_cache(create_app)]
)
def test_a_wrapped_factory_is_called(factory: Any) -> None:
    assert isinstance(load(factory)[0], WSGIClass)


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        (other_name_for_a_scope, "asgi"),
        (MadeByNew, "wsgi"),
        (ByIndex, "wsgi"),
        (SynchronousASGI2, "asgi"),
        (LocalProxy(lambda: wsgi), "wsgi"),
        (PEPClass, "wsgi"),
        (Endpoint, "asgi"),
        (HTTPEndpoint, "asgi"),
        (ASGI2Class, "asgi"),
        (asgi2, "asgi"),
        (Delegating(wsgi), "wsgi"),
        (Delegating(asgi), "asgi"),
        (Delegating(Flask("x")), "wsgi"),
        (DelegatingCoroutine(asgi), "asgi"),
        (SlotCall(asgi), "asgi"),
        (SlotCall(wsgi), "wsgi"),
        (FirstAndRest(), "wsgi"),
        (view, "wsgi"),
        (Request.application(view), "wsgi"),
        (passing_on(wsgi), "wsgi"),
        (passing_on(asgi), "asgi"),
        (passing_on(Starlette()), "asgi"),
        (passing_on(create_app), "wsgi"),
        (functools.partial(wrapped, asgi), "asgi"),
    ],
    ids=range(24),
)
def test_applications_that_are_wrapped_or_classes_are_recognised(
    application: Any, kind: str
) -> None:
    assert load(application)[1] == kind


def test_no_code_of_a_wrapped_application_runs_to_recognise_it() -> None:
    ran = []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        ran.append(scope)

    assert load(passing_on(counting))[1] == "asgi"
    assert not ran


def test_the_form_can_be_given() -> None:
    def unusual(*args: Any) -> Any:
        return []

    assert load(unusual, "asgi") == (unusual, "asgi")
    assert load(unusual, "wsgi") == (unusual, "wsgi")
    assert load(lambda *args: WSGIClass(), "factory")[1] == "wsgi"
    with pytest.raises(ApplicationError, match="cannot be called without arguments"):
        load(wsgi, "factory")


@pytest.mark.parametrize(
    "name",
    [
        "factory_with_arguments('test', debug=True)",
        'factory_with_arguments("test", debug=True)',
        "Holder.create('test')",
    ],
)
def test_a_factory_is_called_with_literal_arguments(name: str) -> None:
    assert load(f"tests.mounts.test_loading:{name}")[1] == "wsgi"


def test_the_attribute_of_an_import_string_is_application_by_default(tmp_path: Path) -> None:
    (tmp_path / "shop_without_colon.py").write_text("def application(environ, start): ...")
    sys.path.insert(0, str(tmp_path))
    try:
        assert load("shop_without_colon")[1] == "wsgi"
    finally:
        sys.path.remove(str(tmp_path))


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
        ("tests.mounts", "there is no attribute 'application' in tests.mounts"),
        (":app", "is not of the form module:attribute"),
        ("tests.mounts:", "is not of the form module:attribute"),
        ("tests.mounts:a + b", "is not of the form module:attribute"),
        ("tests.mounts.test_loading:application", "; it has 'create_app'$"),
        ("tests.mounts.test_loading:create_app(print())", "only literals can be arguments"),
        ("tests.mounts:nothing", "there is no attribute 'nothing' in tests.mounts"),
        (async_factory, "an asynchronous factory is not supported"),
        ("tests.mounts:__name__", "is neither a WSGI nor an ASGI application"),
        (7, "is neither a WSGI nor an ASGI application"),
        (lambda one: None, "is neither a WSGI nor an ASGI application"),
        (lambda: 7, "is neither a WSGI nor an ASGI application"),
        (lambda *anything: None, "is neither a WSGI nor an ASGI application"),
    ],
    ids=range(13),
)
def test_other_objects_are_refused(application: Any, message: str) -> None:
    with pytest.raises(ApplicationError, match=message):
        load(application)


def test_a_missing_module_is_reported() -> None:
    with pytest.raises(ApplicationError, match="there is no module 'no_such_package'"):
        load("no_such_package:app")


def test_an_error_during_an_import_is_raised(tmp_path: Path) -> None:
    (tmp_path / "broken_import.py").write_text("import no_such_package\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            load("broken_import:app")
    finally:
        sys.path.remove(str(tmp_path))
