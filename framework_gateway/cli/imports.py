"""Import the objects of a user that a command needs."""

import traceback
from collections.abc import Callable
from typing import Any

from framework_gateway.app import Gateway
from framework_gateway.mounts.loading import ApplicationError, import_application, takes
from framework_gateway.security.identity import Admission


class SourceError(Exception):
    """No Gateway can be loaded; the message says what to do."""


def import_gateway(name: str) -> Gateway:
    """Import a Gateway, or call the factory of one.

    Raises:
        SourceError: there is none.
    """
    found = import_named(name)
    is_factory = not isinstance(found, Gateway) and callable(found) and takes(found, 0)
    gateway = call(name, found) if is_factory else found
    if not isinstance(gateway, Gateway):
        raise SourceError(
            f"{name} is not a framework_gateway.Gateway; mount an application with"
            f" --only-mounts --mount /PREFIX={name}"
        )
    return gateway


def import_login(name: str) -> Admission:
    """Import an Admission.

    Raises:
        SourceError: there is none.
    """
    login = import_named(name)
    if not isinstance(login, Admission):
        raise SourceError(f"{name} is not a framework_gateway.Admission")
    return login


def import_named(name: str) -> Any:
    """Import what an import string names.

    Raises:
        SourceError: it cannot be imported.
    """
    return call(name, lambda: import_application(name))


def call(name: str, function: Callable[[], Any]) -> Any:
    """Call a function of the user.

    Raises:
        SourceError: it raises anything.
    """
    try:
        return function()
    except ApplicationError as error:
        raise SourceError(str(error)) from error
    # A user's module may raise anything while it is imported.
    except Exception as error:
        raise SourceError(f"{name} could not be imported: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Return an error and its place as one line."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = "".join(traceback.format_exception_only(error)).splitlines()[0]
    return f"{text} ({place.filename}:{place.lineno})"
