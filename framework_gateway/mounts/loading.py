"""Find an application, and tell what kind it is."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

Kind = Literal["asgi", "wsgi"]


class ApplicationError(Exception):
    """What was named is no application that could be mounted."""


def load(application: Any) -> tuple[Any, Kind]:
    """Return an application and its kind.

    Args:
        application: a WSGI or ASGI application, a factory of one (a callable without required
            arguments), or an import string of either, as in ``shop.wsgi:application`` or
            ``shop:create_app()``.

    Raises:
        ApplicationError: it is none of these. Whatever an import or a factory raises is raised on.
    """
    if isinstance(application, str):
        application = import_application(application)
    for _ in range(2):
        if kind := recognise(application):
            return application, kind
        if not is_factory(application):
            break
        application = application()
    raise ApplicationError(f"{application!r} is neither a WSGI nor an ASGI application")


def import_application(name: str) -> Any:
    """Import ``package.module:attribute``; a call in the end, ``()``, makes a factory explicit."""
    module_name, colon, path = name.partition(":")
    if not module_name or not colon or not path:
        raise ApplicationError(f"{name!r} is not of the form package.module:attribute")
    found: Any = import_module(module_name)
    for part in path.removesuffix("()").split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ApplicationError(f"{module_name!r} has no attribute {part!r}") from None
    return found() if path.endswith("()") else found


def recognise(application: Any) -> Kind | None:
    """Tell ASGI 3 (three arguments, asynchronous) from WSGI (two arguments, not)."""
    if not callable(application) or inspect.isclass(application):
        return None
    arguments = required_arguments(application)
    call: Callable[..., Any] = application.__call__  # of an instance
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call):
        return "asgi" if arguments == 3 else None
    return {3: "asgi", 2: "wsgi"}.get(arguments)  # type: ignore[return-value]


def is_factory(application: Any) -> bool:
    """Tell whether it can be called without arguments."""
    return callable(application) and required_arguments(application) == 0


def required_arguments(function: Callable[..., Any]) -> int:
    """Count the positional arguments without a default; -1 where Python cannot say."""
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
