"""The pages at ``/``: Compare, Code, Race and Routes."""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.routing import Mount as StarletteMount
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp

from framework_gateway.compare.endpoint import PATH, Compare
from framework_gateway.compare.guard import ALLOW_ALL, Guard
from framework_gateway.compare.rules import Rules
from framework_gateway.mounts.mount import Mount
from framework_gateway.observability.endpoints import Endpoint, endpoints_of
from framework_gateway.pages.source import Operation, highlight_styles, operations_of, source_of

HERE = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
}


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        name: the path of the page, below ``/``.
        title: the title in the navigation and the window.
        template: the name of the template.
        collect: returns the context of the template.
        sends_requests: whether the page lets visitors send requests to the applications.
    """

    name: str
    title: str
    template: str
    collect: Callable[[Request], dict[str, Any]] = lambda _request: {}
    sends_requests: bool = False


class Site:
    """The pages of the gateway. A subclass can add pages, templates and static files.

    Args:
        mounts: the mounts to compare.
        max_body_size: the largest request body for ``/compare``, in bytes.
        links: maps names to paths of further pages.
        guard: checks requests to the pages that send requests.
        rules: what counts in a comparison.
    """

    title = "Compare your applications"
    examples: Sequence[Any] = ()
    # Template directories, searched in this order, and packages with static files.
    templates: Sequence[Path] = (HERE / "templates",)
    static: Sequence[tuple[str, str]] = (("framework_gateway.pages", "static"),)

    def __init__(
        self,
        mounts: Sequence[Mount],
        max_body_size: int,
        links: Mapping[str, str] | None = None,
        guard: Guard = ALLOW_ALL,
        rules: Rules | None = None,
    ) -> None:
        self.mounts = mounts
        self.max_body_size = max_body_size
        self.links = links or {}
        self.guard = guard
        self.rules = rules or Rules()
        self.renderer = Jinja2Templates([*self.templates])
        self.renderer.env.globals["number"] = number

    @property
    def pages(self) -> Sequence[Page]:
        """The pages, in the order of the navigation."""
        return [
            Page("", "Compare", "compare.html", self.compare, sends_requests=True),
            Page("code", "Code", "code.html", self.code),
            Page("race", "Race", "race.html", self.compare, sends_requests=True),
            Page("routes", "Routes", "routes.html", self.index),
        ]

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the pages, their static files, and ``/compare``."""
        prefixes = [mount.path for mount in self.mounts]
        pages = self.pages
        return [
            route_below(PATH, Compare(prefixes, self.max_body_size, self.guard, self.rules)),
            *(Route(f"/{page.name}", self.endpoint(page, pages)) for page in pages),
            Route("/static/highlight.css", show_highlight_styles),
            StarletteMount("/static", StaticFiles(packages=[*self.static])),
        ]

    def endpoint(
        self, page: Page, pages: Sequence[Page]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a page, which links to all pages."""

        async def show(request: Request) -> Response:
            if page.sends_requests and (login := await self.guard.check_page(request)):
                return login
            context = {
                "page": page,
                "pages": pages,
                "site": self.title,
                "root": request.scope.get("root_path", ""),
                "targets": {mount.path.strip("/"): title_of(mount) for mount in self.mounts},
                **page.collect(request),
            }
            return self.renderer.TemplateResponse(request, page.template, context, headers=HEADERS)

        return show

    @cached_property
    def endpoints(self) -> dict[str, list[Endpoint]]:
        """The endpoints of each mount; read once, because they do not change."""
        return {mount.path: endpoints_of(mount) for mount in self.mounts}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """The operations that several mounts share, by name."""
        every = [endpoint for endpoints in self.endpoints.values() for endpoint in endpoints]
        return {operation.name: operation for operation in operations_of(every)}

    def compare(self, _request: Request) -> dict[str, Any]:
        """Return the context of the Compare and Race pages."""
        return {"methods": METHODS, "examples": self.examples}

    def code(self, request: Request) -> dict[str, Any]:
        """Return the context of the Code page: the source of one operation in each application."""
        operation = self.operations.get(request.query_params.get("operation", ""))
        if operation is None:
            operation = next(iter(self.operations.values()), None)
        sources = map(source_of, operation.endpoints if operation else ())
        return {
            "operations": [*self.operations.values()],
            "operation": operation,
            "sources": [source for source in sources if source is not None],
        }

    def index(self, _request: Request) -> dict[str, Any]:
        """Return the context of the Routes page: all endpoints, by mount and path."""
        tables = []
        for mount in self.mounts:
            paths: dict[str, list[Endpoint]] = defaultdict(list)
            for endpoint in self.endpoints[mount.path]:
                paths[endpoint.path].append(endpoint)
            tables.append({"mount": mount, "title": title_of(mount), "paths": paths})
        return {"tables": tables, "links": self.links}


def route_below(prefix: str, endpoint: ASGIApp) -> Route:
    """Route all paths below a prefix, even with line breaks, which Starlette's pattern excludes."""
    route = Route(prefix + "/{path:path}", endpoint)
    route.path_regex = re.compile(f"^{re.escape(prefix)}/(?P<path>.*)$", re.DOTALL)
    return route


def title_of(mount: Mount) -> str:
    """Return the framework's name if the prefix is one, else the prefix."""
    name = mount.path.strip("/")
    return {"flask": "Flask", "fastapi": "FastAPI", "django": "Django"}.get(name, name)


def number(things: Sized) -> str:
    """Return the number of things in words, for a heading."""
    words = ("no", "one", "two", "three", "four", "five", "six")
    return words[len(things)] if len(things) < len(words) else str(len(things))


async def show_highlight_styles(_request: Request) -> Response:
    """Serve the Pygments styles for highlighted code."""
    return Response(highlight_styles(), media_type="text/css")
