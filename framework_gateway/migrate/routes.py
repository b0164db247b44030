"""Name the route of a request before an application has seen it.

The names come from the routes of both applications and from the rules of the move. Only where none
are known do they come from the path, with ``{id}`` for identifiers; then their number is limited,
because clients choose paths.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from framework_gateway.compare.replay import VARIABLE
from framework_gateway.observability.endpoints import find_endpoints
from framework_gateway.observability.observed import METHODS
from framework_gateway.observability.routes import MAX_ROUTE, REST

OTHER = "OTHER"  # all methods that are not usual
MAX_CACHED = 4096  # paths whose route is remembered
MAX_INVENTED = 200  # routes that are named after paths; all others have the name "/{path}"
PARAMETER = re.compile(r"\{([^{}]*)\}")


class RouteNames:
    """Finds the template of a path below the prefix of a move.

    Args:
        known: templates such as ``/users/{id}``.
    """

    def __init__(self, known: Iterable[str]) -> None:
        templates = sorted({*known}, key=specificity)
        self._fixed = {path for path in templates if "{" not in path}
        self._patterns = [(expression(path), path) for path in templates if "{" in path]
        self._is_known = bool(templates)
        self._cache: dict[str, str] = {}
        self._invented: set[str] = set()

    def find(self, path: str) -> str:
        """Return the template of a path."""
        found = self._cache.get(path)
        if found is None:
            found = self._match(path)
            if len(self._cache) < MAX_CACHED and len(path) <= MAX_ROUTE:
                self._cache[path] = found
        return found

    def _match(self, path: str) -> str:
        if path in self._fixed:
            return path
        for pattern, template in self._patterns:
            if pattern.fullmatch(path):
                return template
        return REST if self._is_known else self._invent(path)

    def _invent(self, path: str) -> str:
        name = VARIABLE.sub("{id}", path)
        if name in self._invented:
            return name
        if len(self._invented) >= MAX_INVENTED or len(name) > MAX_ROUTE or not name.isprintable():
            return REST
        self._invented.add(name)
        return name


def templates_of(*applications: Any) -> Iterator[str]:
    """Yield the paths of the routes of applications whose framework is known."""
    for application in applications:
        for _methods, path, _view in find_endpoints(application):
            yield path if path.startswith("/") else f"/{path}"


def name_of(method: str, template: str) -> str:
    """Return the name of a route, such as ``GET /users/{id}``."""
    return f"{method if method in METHODS else OTHER} {template}"


def specificity(path: str) -> tuple[int, int, str]:
    """Sort fixed segments before parameters, and long paths before short ones."""
    return path.count("{"), -len(path), path


def expression(template: str) -> re.Pattern[str]:
    """Return the regular expression of a template; ``{path}`` may contain slashes."""
    parts = PARAMETER.split(template)
    texts = (
        (".+" if part == "path" else "[^/]+") if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile("".join(texts), re.DOTALL)
