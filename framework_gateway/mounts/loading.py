"""Import an application, and detect whether it is WSGI or ASGI."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

from uvicorn.importer import ImportFromStringError, import_from_string

Kind = Literal["asgi", "wsgi"]


class ApplicationError(Exception):
    """The object or import string is not an application."""


def load(application: Any) -> tuple[Any, Kind]:
    """Return an application and its kind.

    Args:
        application: a WSGI or ASGI application, a factory (a callable without required arguments
            that returns one), or an import string of either, such as ``shop.wsgi:application`` or
            ``shop:create_app()``.

    Raises:
        ApplicationError: it is none of these. Exceptions of the import or the factory propagate.
    """
    if isinstance(application, str):
        application = import_application(application)
    for _ in range(2):
        if kind := detect_kind(application):
            return application, kind
        if not is_factory(application):
            break
        application = application()
    raise ApplicationError(f"{application!r} is neither a WSGI nor an ASGI application")


def import_application(name: str) -> Any:
    """Import ``package.module:attribute``; if ``()`` follows, call it and return the result."""
    try:
        found = import_from_string(name.removesuffix("()"))
    except ImportFromStringError as error:
        raise ApplicationError(str(error)) from error
    return found() if name.endswith("()") else found


def detect_kind(application: Any) -> Kind | None:
    """Return the kind: ASGI 3 takes three arguments and is async, WSGI takes two and is not."""
    if not callable(application) or inspect.isclass(application):
        return None
    arguments = required_arguments(application)
    call: Callable[..., Any] = application.__call__  # of an instance
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call):
        return "asgi" if arguments == 3 else None
    return {3: "asgi", 2: "wsgi"}.get(arguments)  # type: ignore[return-value]


def is_factory(application: Any) -> bool:
    """Return whether the object can be called without arguments."""
    return callable(application) and required_arguments(application) == 0


def required_arguments(function: Callable[..., Any]) -> int:
    """Return the number of positional arguments without a default; -1 if it is unknown."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return -1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        parameter.kind in positional and parameter.default is parameter.empty
        for parameter in parameters
    )
