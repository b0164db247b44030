"""What can go wrong with a request: its client leaves, or the application breaks a rule."""

from starlette.requests import ClientDisconnect


class ClientLeft(ConnectionError):
    """Raised in ``write()`` and ``send()`` after the client has left, to stop the application."""


def means_client_left(error: BaseException | None) -> bool:
    """Return whether an application raised an error because its client has left.

    Such an error is, or was raised from, the ClientLeft of ``send()`` or Starlette's
    ClientDisconnect, which means that the request's body is incomplete.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(means_client_left, error.exceptions))
    if error is None or isinstance(error, ClientLeft | ClientDisconnect):
        return error is not None
    return means_client_left(error.__cause__)


class WSGIError(Exception):
    """The application broke a rule of PEP 3333."""
