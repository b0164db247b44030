"""Import an application, and detect whether it is WSGI or ASGI."""

import ast
import inspect
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, Literal

from uvicorn.middleware.asgi2 import ASGI2Middleware

Kind = Literal["asgi", "wsgi"]
Form = Literal["asgi", "wsgi", "factory"]

USUAL_NAMES = ("application", "app", "create_app", "make_app")
NAME = "application"  # the attribute of an import string without a colon, as for gunicorn


class ApplicationError(Exception):
    """The object or import string is not an application."""


def load(application: Any, form: Form | None = None) -> tuple[Any, Kind]:
    """Return an application and its kind.

    Args:
        application: a WSGI or ASGI application (ASGI 2 as well), a factory (a callable without
            required arguments that returns one), or an import string; see ``import_application``.
        form: what the object is, for the few that cannot be recognised; detected by default.

    Raises:
        ApplicationError: it is none of these. Exceptions of the import or the factory propagate.
    """
    if isinstance(application, str):
        application = import_application(application)
    if form == "factory":
        application, form = call_factory(application), None
    for _ in range(2):
        if inspect.iscoroutine(application):
            application.close()
            raise ApplicationError(f"{application!r}: an asynchronous factory is not supported")
        if kind := form or detect_kind(application):
            is_version_2 = kind == "asgi" and takes(application, 1) and not takes(application, 3)
            return ASGI2Middleware(application) if is_version_2 else application, kind
        if not takes(application, 0):
            break
        application = call_factory(application)
    raise ApplicationError(f"{application!r} is neither a WSGI nor an ASGI application")


def call_factory(factory: Any) -> Any:
    """Call a factory.

    Raises:
        ApplicationError: it cannot be called without arguments.
    """
    if not takes(factory, 0):
        raise ApplicationError(f"{factory!r} cannot be called without arguments")
    return factory()


# Import strings


def import_application(name: str) -> Any:
    """Import what a string names, in the forms that gunicorn and uvicorn accept.

    Args:
        name: ``package.module:attribute``, where the attribute may be dotted, and may be called
            with literal arguments: ``shop:create_app("test", debug=True)``. Without a colon, the
            attribute is ``application``.

    Raises:
        ApplicationError: the string has another form, or names nothing.
    """
    module_name, colon, attribute = name.partition(":")
    try:
        expression = ast.parse(attribute if colon else NAME, mode="eval").body
    except SyntaxError as error:
        raise ApplicationError(f"{name!r} is not of the form module:attribute") from error
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ApplicationError(f"there is no module {error.name!r} (in {name!r})") from error
        raise  # a module that the application imports
    except (TypeError, ValueError) as error:  # an empty or a relative name
        raise ApplicationError(f"{name!r} is not of the form module:attribute") from error
    return evaluate(expression, module, name)


def evaluate(node: ast.expr, module: Any, name: str) -> Any:
    """Return the value of a dotted name, or of a call with literal arguments, in a module.

    Raises:
        ApplicationError: it is another expression, or there is no such attribute.
    """
    match node:
        case ast.Name(id=attribute):
            owner = module
        case ast.Attribute(value=value, attr=attribute):
            owner = evaluate(value, module, name)
        case ast.Call(func=function, args=args, keywords=keywords) if all(k.arg for k in keywords):
            called = evaluate(function, module, name)
            named = {str(keyword.arg): literal(keyword.value, name) for keyword in keywords}
            return called(*(literal(argument, name) for argument in args), **named)
        case _:
            raise ApplicationError(f"{name!r} is not of the form module:attribute")
    if not hasattr(owner, attribute):
        where = getattr(owner, "__name__", repr(owner))
        usual = [found for found in USUAL_NAMES if hasattr(owner, found)]
        hint = f"; it has {' and '.join(map(repr, usual))}" if usual else ""
        raise ApplicationError(
            f"there is no attribute {attribute!r} in {where} (in {name!r}){hint}"
        )
    return getattr(owner, attribute)


def literal(node: ast.expr, name: str) -> Any:
    """Return the value of a literal.

    Raises:
        ApplicationError: it is another expression.
    """
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ApplicationError(f"{name!r}: only literals can be arguments") from error


# Kinds


def detect_kind(application: Any) -> Kind | None:
    """Return the kind; None for a factory, or for what is no application.

    ASGI 3 takes three arguments and returns an awaitable, ASGI 2 takes one, and WSGI takes two.
    """
    if not callable(application):
        return None
    if inspect.isclass(application):
        return kind_of_class(application)
    if is_coroutine_function(application):
        return "asgi" if takes(application, 3) else None
    counts = [number for number in (0, 1, 2, 3) if takes(application, number)]
    match counts:
        case [3]:
            return "asgi"
        case [2, *_]:
            return "wsgi"
        case [1]:
            return "asgi" if "scope" in parameters(application) else ask_version_2(application)
        case [0, *_] if not takes_any_number(application):
            return None  # a factory
        case []:
            return None
    # The signature of a wrapper, such as (*args), tells nothing.
    wrapped = inspect.unwrap(application)
    if takes(wrapped, 0) and not takes_any_number(wrapped):
        return None
    return ask_kind(application)


def kind_of_class(application: type) -> Kind | None:
    """Return the kind of a class that is called for each request, as in PEP 3333."""
    if takes(application, 3) and hasattr(application, "__await__"):
        return "asgi"
    if takes(application, 0):
        return None  # a factory
    makes_another_object = type(application).__call__ is not type.__call__ or any(
        "__new__" in vars(base) for base in application.__mro__[:-1]
    )
    is_iterable = hasattr(application, "__iter__") or hasattr(application, "__getitem__")
    if takes(application, 2) and (is_iterable or makes_another_object):
        return "wsgi"
    is_version_2 = takes(application, 1) and "__call__" in dir(application)
    return "asgi" if is_version_2 and not takes(application, 2) else None


def ask_version_2(application: Any) -> Kind | None:
    """Call an application as ASGI 2; it returns what is called with ``receive`` and ``send``."""
    try:
        instance = application({"type": "lifespan", "asgi": {"version": "2.0"}})
    # It may be any function of one argument.
    except Exception:
        return None
    return "asgi" if callable(instance) and takes(instance, 2) else None


def ask_kind(application: Any) -> Kind | None:
    """Call an application as ASGI 3; only such an application returns an awaitable.

    The awaitable is never awaited, so no code of an ASGI application runs, and a WSGI application
    gets the wrong number of arguments.
    """

    async def receive() -> Any: ...

    async def send(_message: Any) -> None: ...

    try:
        answer = application({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    # A WSGI application gets the wrong arguments, and may raise anything.
    except Exception:
        return "wsgi"
    if not inspect.isawaitable(answer):
        return "wsgi" if hasattr(answer, "__iter__") else None
    with suppress(AttributeError):  # only coroutines must be closed
        answer.close()  # type: ignore[attr-defined]
    return "asgi"


def is_coroutine_function(application: Any) -> bool:
    """Return whether it is ``async def``, or an object with an asynchronous ``__call__``."""
    return inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(
        application.__call__
    )


def takes(application: Any, number: int) -> bool:
    """Return whether an object can be called with that many positional arguments."""
    signature = signature_of(application)
    if signature is None:
        return callable(application)  # written in C: any number, as far as we know
    try:
        signature.bind(*range(number))
    except TypeError:
        return False
    return True


def takes_any_number(application: Any) -> bool:
    """Return whether an object takes ``*args``, or does not tell what it takes."""
    found = parameters(application).values()
    return signature_of(application) is None or any(one.kind is one.VAR_POSITIONAL for one in found)


def parameters(application: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of an object; none if it does not tell them."""
    signature = signature_of(application)
    return {} if signature is None else signature.parameters


def signature_of(application: Any) -> inspect.Signature | None:
    """Return the signature of the outermost function; a decorator may wrap one of another form."""
    if not callable(application):
        return None
    tells_itself = inspect.isroutine(application) or isinstance(application, type | partial)
    try:
        return inspect.signature(
            application if tells_itself else application.__call__, follow_wrapped=False
        )
    except (TypeError, ValueError):
        return None
