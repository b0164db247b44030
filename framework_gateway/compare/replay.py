"""Replay many requests from a file, and summarise the results by route."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from framework_gateway.compare.findings import Comparison, Verdict
from framework_gateway.compare.messages import Request

# An identifier in a path: a number, a UUID, or a long hexadecimal digest.
VARIABLE = re.compile(
    r"(?<=/)(\d+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{16,})(?=/|$)"
)


class ReplayError(Exception):
    """A line of the file is not a valid request; the message says which line and why."""


class Line(BaseModel):
    """One line of the file, in JSON; a ``body`` that is not a string is sent as JSON."""

    model_config = ConfigDict(extra="forbid")

    method: str = Field("GET", pattern="^[A-Za-z]+$")
    path: str = Field(pattern="^(/|$)")
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: Any = None
    save: Mapping[str, str] = Field(default_factory=dict)

    def request(self) -> Request:
        """Return the request."""
        fields: dict[str, Any] = {"headers": self.headers, "save": self.save}
        if self.body is None or isinstance(self.body, str):
            return Request.build(self.method, self.path, body=self.body or "", **fields)
        return Request.build(self.method, self.path, json=self.body, **fields)


def read_requests(lines: Iterable[str]) -> list[Request]:
    """Read one request from each line; skip empty lines.

    Raises:
        ReplayError: a line is not a valid request.
    """
    requests = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            requests.append(Line.model_validate_json(line).request())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ReplayError(
                f"line {number}: {place} {first['msg']}".replace("  ", " ")
            ) from error
    return requests


@dataclass
class RouteSummary:
    """The comparisons of a route: equal, different, undecided and missing answers."""

    route: str
    matched: int = 0
    differing: int = 0
    failed: int = 0
    insufficient: int = 0

    def count(self, comparison: Comparison) -> None:
        """Add one comparison."""
        match comparison.verdict:
            case Verdict.EQUAL:
                self.matched += 1
            case Verdict.DIFFERS:
                self.differing += 1
            case Verdict.INSUFFICIENT:
                self.insufficient += 1
            case Verdict.FAILED:
                self.failed += 1


def route_of(request: Request) -> str:
    """Return the method and the path, with ``{id}`` for each identifier."""
    return f"{request.method} {VARIABLE.sub('{id}', request.path.partition('?')[0])}"


def summarise(comparisons: Iterable[Comparison]) -> list[RouteSummary]:
    """Count the comparisons by route, in the order of each route's first request."""
    routes: dict[str, RouteSummary] = {}
    for comparison in comparisons:
        route = route_of(comparison.request)
        routes.setdefault(route, RouteSummary(route)).count(comparison)
    return [*routes.values()]
