"""Problem details for HTTP APIs (RFC 9457): the one shape of every error.

The applications raise a ``Problem``; each framework turns it into its own response class. The
sentences are here, so that all three applications describe an error in the same words.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from contract.access import PRIVATE
from contract.request_id import request_id

MEDIA_TYPE = "application/problem+json"

# http.HTTPStatus renamed these between Python 3.11 and 3.13; a response must not change.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}

DETAILS = {
    400: "The request could not be understood.",
    401: "Log in, or send a token as Authorization: Bearer.",
    403: "You may not do this.",
    404: "Nothing is served at this path.",
    405: "This method is not allowed here; the Allow header lists those that are.",
    408: "The request took too long to arrive.",
    413: "The request body is larger than this server accepts.",
    415: "The request body must be sent as Content-Type: application/json.",
    422: "The request is well-formed, but some values are not valid.",
    431: "The request has too many headers, or too long ones.",
    500: "Something went wrong on the server; the error has been logged.",
    503: "The service cannot answer at the moment; please try again.",
    504: "The answer took too long; what was asked for may still be done.",
}


class Problem(Exception):
    """An error with the members of RFC 9457.

    Attributes:
        status: the HTTP status code.
        detail: one sentence for people; by default the sentence of the status.
        errors: for 422, one item for each invalid value: ``{"pointer": "/email", "detail": "…"}``.
            The pointer is a JSON Pointer (RFC 6901), or for a query parameter ``/`` and its name.
        headers: headers of the response, besides its Content-Type.
    """

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail or DETAILS.get(status) or f"{self.title}."
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The phrase of the status code, as RFC 9457 requires for the type ``about:blank``."""
        return TITLES.get(self.status) or HTTPStatus(self.status).phrase

    @property
    def body(self) -> bytes:
        """The problem document: compact JSON in UTF-8, behind the gateway with the request id."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors
        if current := request_id.get():
            document["request_id"] = current
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class UserNotFound(Problem):
    """No user has the id (404)."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        super().__init__(404, f"There is no user with the id {user_id}.")


class EmailTaken(Problem):
    """Another user has the email address (409)."""

    def __init__(self) -> None:
        super().__init__(409, "Another user has this email address.")


class MethodNotAllowed(Problem):
    """The path does not support the method (405)."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(405, headers={"Allow": allow_header(allowed)})


class DatabaseUnavailable(Problem):
    """The database is down, locked or not migrated (503)."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "The database cannot be used at the moment; please try again.",
            headers={"Retry-After": "1"},
        )


class OutcomeUnknown(Problem):
    """The connection to the database was lost while it committed (503)."""

    def __init__(self) -> None:
        super().__init__(
            503, "The database did not confirm the change; it may or may not be stored."
        )


class NotAuthenticated(Problem):
    """The request is not authenticated (401)."""

    def __init__(self) -> None:
        super().__init__(401, headers={"WWW-Authenticate": "Bearer", **PRIVATE})


class EmptyBody(Problem):
    """A request without the body that it needs (400)."""

    def __init__(self) -> None:
        super().__init__(400, "The request body is empty; send a JSON object.")


class InvalidValues(Problem):
    """Values that the schemas refuse (422).

    Args:
        errors: Pydantic's error list.
        skip: number of leading parts of each location that are no member names: 1 for FastAPI's
            ``("body", "email")``.
    """

    def __init__(self, errors: Sequence[Any], *, skip: int = 0) -> None:
        found = [
            {"pointer": json_pointer(error["loc"][skip:]), "detail": error["msg"]}
            for error in errors
        ]
        super().__init__(422, errors=found)


def json_pointer(location: Sequence[str | int]) -> str:
    """Return a location as a JSON Pointer (RFC 6901)."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)


def allow_header(methods: Sequence[str]) -> str:
    """Return an Allow header (RFC 9110), sorted, so that all three applications send the same."""
    return ", ".join(sorted(methods))
