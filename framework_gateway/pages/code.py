"""The Code page: the source of one operation in each application."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from framework_gateway.pages.assets import HEADERS
from framework_gateway.pages.source import (
    Operation,
    Source,
    calls_of,
    count_package,
    difference_of,
    highlight_styles,
    source_of,
)


class Operations(Protocol):
    """Something that knows the operations of all applications."""

    @property
    def operations(self) -> Mapping[str, Operation]: ...


class Code:
    """Collects the content of the Code page."""

    def __init__(self, site: Operations) -> None:
        self.site = site

    async def collect(self, request: Request) -> dict[str, Any]:
        """Return the operation that the query names, or else the first one.

        In a thread, because it reads files.

        Returns:
            ``{"title", "operations": [name], "operation": name or None, "sources": [{"target",
            "location", "lines", "package_lines", "code", "calls": [{"location", "code"}]}],
            "compared": [target, target], "difference": text}``; the last two are empty unless the
            query has ``diff=TARGET,TARGET``.
        """
        name = request.query_params.get("operation", "")
        diff = ",".join(request.query_params.getlist("diff"))
        return await to_thread.run_sync(self._collect, name, diff.split(","))

    def _collect(self, name: str, diff: Sequence[str]) -> dict[str, Any]:
        operations = self.site.operations
        operation = operations.get(name) or next(iter(operations.values()), None)
        sources = sources_of(operation) if operation else {}
        compared = [one for one in diff if one in sources]
        return {
            "title": f"{operation.name} · Code" if operation else "Code",
            "operations": [*operations],
            "operation": operation.name if operation else None,
            "sources": [show(target, *found) for target, found in sources.items()],
            "compared": compared if len(compared) == 2 else [],
            "difference": difference_of(*(sources[one][0] for one in compared))
            if len(compared) == 2
            else "",
        }


def sources_of(operation: Operation) -> dict[str, tuple[Source, list[Source], int | None]]:
    """Return by target the source of an operation, what it calls, and the lines of its package."""
    found = {}
    for endpoint in operation.endpoints:
        if endpoint.view is not None and (source := source_of(endpoint.view)):
            calls = calls_of(endpoint.view, source.code)
            found[endpoint.mount.strip("/")] = source, calls, count_package(endpoint.view)
    return found


def show(
    target: str, source: Source, calls: list[Source], package_lines: int | None
) -> dict[str, Any]:
    """Return a source as JSON data."""
    return {
        "target": target,
        "location": source.location,
        "lines": source.lines,
        "package_lines": package_lines,
        "code": source.code,
        "calls": [{"location": one.location, "code": one.code} for one in calls],
    }


async def show_styles(_request: Request) -> Response:
    """Serve the Pygments styles for highlighted code."""
    return Response(highlight_styles(), media_type="text/css", headers=HEADERS)
