"""Name the route of a request: by the templates of an API document, or by its identifiers."""

import re
from collections.abc import Iterable

from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import route_of

PARAMETER = re.compile(r"\\\{[^{}]*\\\}")  # in a template that re.escape has escaped


class Routes:
    """Finds the route of a request.

    Args:
        templates: methods and path templates, such as ``("GET", "/items/{item_id}")``. Requests
            that no template matches get their route from ``route_of``.
    """

    def __init__(self, templates: Iterable[tuple[str, str]] = ()) -> None:
        self._patterns = [
            (method, re.compile(PARAMETER.sub("[^/]+", re.escape(path))), path)
            # Fixed segments before parameters: /items/new is not /items/{id}.
            for method, path in sorted(templates, key=lambda one: one[1].count("{"))
        ]

    def __call__(self, request: Request) -> str:
        """Return the method and the template of the request's path."""
        path = request.path.partition("?")[0]
        for method, pattern, template in self._patterns:
            if method == request.method and pattern.fullmatch(path):
                return f"{method} {template}"
        return route_of(request)
