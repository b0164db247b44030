"""Requests of a file, one JSON object per line, and the route of a request."""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from framework_gateway.compare.json_values import parse_json, spell
from framework_gateway.compare.messages import Request

# An identifier in a path: a number, a UUID, or a long hexadecimal digest.
VARIABLE = re.compile(
    r"(?<=/)(\d+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{16,})(?=/|$)"
)


class ReplayError(Exception):
    """A line of the file is not a valid request; the message says which line and why."""


class Line(BaseModel):
    """One line of the file, in JSON.

    Attributes:
        headers: an object, or a list of pairs if a name occurs more than once.
        body: a text, or JSON data to send as JSON.
        encoding: ``base64`` if the body is binary data.
        save: values of the answer for later requests; see ``Request``.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = Field("GET", pattern="^[A-Za-z]+$")
    path: str = Field(pattern="^(/|$)")
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = Field(default_factory=dict)
    body: Any = None
    encoding: Literal["utf-8", "base64"] = "utf-8"
    save: Mapping[str, str] = Field(default_factory=dict)

    def request(self, line: str) -> Request:
        """Return the request.

        Args:
            line: the whole line; JSON data is sent as it is spelled there (``1.0``, ``1e400``).

        Raises:
            ValueError: the body is not what ``encoding`` says.
        """
        given = self.headers
        headers = tuple(given.items() if isinstance(given, Mapping) else given)
        body = self.body
        if body is not None and not isinstance(body, str):
            names = {name.lower() for name, _ in headers}
            if "content-type" not in names:
                headers = (("Content-Type", "application/json"), *headers)
            body = spell(parse_json(line)["body"])
        text = (body or "").encode()
        data = b64decode(text, validate=True) if self.encoding == "base64" else text
        return Request(self.method.upper(), self.path, headers, data, dict(self.save))


def read_requests(lines: Iterable[str]) -> list[Request]:
    """Read one request from each line; skip empty lines.

    Raises:
        ReplayError: a line is not a valid request.
    """
    return [parse_line(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def parse_line(number: int, line: str) -> Request:
    """Return the request of one line.

    Raises:
        ReplayError: the line is not a valid request.
    """
    try:
        return Line.model_validate_json(line).request(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ReplayError(f"line {number}: {place} {first['msg']}".replace("  ", " ")) from error
    except ValueError as error:
        raise ReplayError(f"line {number}: body: {error}") from error


def route_of(request: Request) -> str:
    """Return the method and the path, with ``{id}`` for each identifier."""
    return f"{request.method} {VARIABLE.sub('{id}', request.path.partition('?')[0])}"
