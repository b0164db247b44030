"""The pages at ``/``: Compare, Code, Race and Routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.routing import Mount as StarletteMount
from starlette.templating import Jinja2Templates

from framework_gateway.compare.endpoint import Compare, route_of
from framework_gateway.compare.guard import ALLOW_ALL, Guard
from framework_gateway.compare.rules import Rules
from framework_gateway.mounts.mount import Mount
from framework_gateway.observability.endpoints import Endpoint, endpoints_of
from framework_gateway.pages.assets import Assets, version_of
from framework_gateway.pages.code import Code, show_styles
from framework_gateway.pages.commands import read_request, write_request
from framework_gateway.pages.documents import Documents
from framework_gateway.pages.index import tables_of, title_of
from framework_gateway.pages.operations import operations, readable_paths, start_path
from framework_gateway.pages.page import HEADERS, Document, Page, number
from framework_gateway.pages.source import Operation, highlight_styles, highlighted, operations_of

if TYPE_CHECKING:
    from framework_gateway.migrate.control import Control
    from framework_gateway.pages.moves import Moves

HERE = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
# The answers of /compare are not compressed: they may hold secrets, and each line is sent at once.
COMPRESSED = [Middleware(GZipMiddleware, minimum_size=1000)]


class Site:
    """The pages of the gateway. A subclass can add pages, templates and static files.

    Args:
        mounts: the mounts to compare.
        max_body_size: the largest request body for ``/compare``, in bytes.
        links: maps names to paths of further pages.
        guard: checks requests to the pages that send requests.
        rules: what counts in a comparison.

    Attributes:
        moving: shows and changes the moves of the gateway; None if there are none.
    """

    title = "Compare your applications"
    examples: Sequence[Any] = ()
    benchmark: str | None = None  # the path of a page with measured speeds
    filters: Mapping[str, Callable[..., Any]] = {}  # for templates, by name
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
        self.links = links or {}
        self.guard = guard
        self.comparing = Compare(
            [mount.path for mount in mounts], max_body_size, guard, rules or Rules()
        )
        self.documents = Documents(self.read_operations)
        self.static_path = f"/static/{version_of(self.static, highlight_styles())}"
        self.renderer = Jinja2Templates([*self.templates])
        self.renderer.env.globals.update(number=number, version=version("framework-gateway"))
        self.renderer.env.filters.update({"highlighted": highlighted, **self.filters})
        self.moving: Moves | None = None

    def add_moves(self, controls: "Sequence[Control]") -> None:
        """Add the page about moves.

        Args:
            controls: what serves them.
        """
        # Only now: most gateways have no moves, and need not wait for these imports.
        from framework_gateway.pages.moves import FILTERS, Moves

        self.moving = Moves(controls, self.guard)
        self.renderer.env.filters.update(FILTERS)

    @property
    def pages(self) -> Sequence[Page]:
        """The pages, in the order of the navigation."""
        return [
            Page(
                "",
                "Compare",
                "compare.html",
                "Send one request to every application and see where the answers differ.",
                self.compare,
                sends_requests=True,
            ),
            Page(
                "code",
                "Code",
                "code.html",
                "The source of the same operation in each application.",
                Code(self).collect,
            ),
            Page(
                "race",
                "Race",
                "race.html",
                "Measure in your browser how long each application takes to answer.",
                self.race,
                sends_requests=True,
            ),
            Page(
                "routes",
                "Routes",
                "routes.html",
                "Every path that the mounted applications serve.",
                self.index,
            ),
            *(self.moving.pages if self.moving else []),
        ]

    @property
    def is_covered(self) -> bool:
        """Whether the application at ``/`` has the place of the pages."""
        return any(not mount.path for mount in self.mounts)

    @property
    def error_assets(self) -> list[str]:
        """The paths of the files of an error page, which the gateway serves also then."""
        return [f"{self.static_path}/{name}" for name in ("style.css", "icon.svg")]

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the pages, their data, their static files, and ``/compare``."""
        assets = Assets(self.static)
        return [
            route_of(self.comparing),
            *(
                Route(path, endpoint, middleware=COMPRESSED)
                for page in self.pages
                for path, endpoint in (
                    (f"/{page.name}", self.show(page)),
                    (page.data_path, self.show_data(page)),
                )
            ),
            *(self.moving.routes if self.moving else []),
            Route("/request/curl", self.guarded(read_request), methods=["POST"]),
            Route("/request/as", self.guarded(write_request), methods=["POST"]),
            Route(f"{self.static_path}/highlight.css", show_styles, middleware=COMPRESSED),
            StarletteMount(self.static_path, assets, middleware=COMPRESSED),
            Route("/favicon.ico", assets.show_icon),
        ]

    def show(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a page."""

        async def show(request: Request) -> Response:
            if page.sends_requests and (login := await self.guard.check_page(request)):
                return login
            document = await page.content(request)
            return self.render(request, page.template, {"page": page, **document})

        return show

    def show_data(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a page's content as JSON."""

        async def show_data(request: Request) -> Response:
            if page.sends_requests:
                await self.guard.check(request)
            return JSONResponse(await page.content(request), headers={**HEADERS})

        return show_data

    def guarded(
        self, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint, for people who may send requests."""

        async def call(request: Request) -> Response:
            await self.guard.check(request)
            return await endpoint(request)

        return call

    def render(
        self, request: HTTPConnection, template: str, context: Document, status: int = 200
    ) -> Response:
        """Render a template with what every page needs."""
        root = request.scope.get("root_path", "")
        every = {
            "pages": [] if self.is_covered else self.pages,
            "site": "Gateway" if self.is_covered else self.title,
            "root": root,
            "static": root + self.static_path,
            "targets": {mount.path.strip("/"): title_of(mount) for mount in self.mounts},
        }
        return self.renderer.TemplateResponse(
            request,  # type: ignore[arg-type]  # templates use no more than its scope
            template,
            {**every, **context},
            status_code=status,
            headers=HEADERS,
        )

    def show_error(self, request: HTTPConnection, status: int, problem: Document) -> Response:
        """Render an error of the gateway as a page.

        Args:
            problem: the problem details (RFC 9457).
        """
        return self.render(request, "error.html", {"problem": problem}, status)

    @cached_property
    def endpoints(self) -> dict[str, list[Endpoint]]:
        """The endpoints of each mount; read once, because they do not change."""
        return {mount.path: endpoints_of(mount) for mount in self.mounts}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """The operations that several mounts share, by name."""
        every = [endpoint for endpoints in self.endpoints.values() for endpoint in endpoints]
        return {operation.name: operation for operation in operations_of(every)}

    def read_operations(self, documents: Mapping[str, Document]) -> list[Document]:
        """Return the operations that can be asked, given the OpenAPI documents by prefix."""
        every = [endpoint for endpoints in self.endpoints.values() for endpoint in endpoints]
        # A single mount shares its routes with no other.
        return operations(every, documents, least=min(2, len(self.mounts)))

    async def compare(self, request: Request) -> Document:
        """Return the content of the Compare page: what can be asked."""
        found = await self.documents.fetch(self.comparing.targets(request))
        return {
            "methods": METHODS,
            "examples": [asdict(example) for example in self.examples],
            "operations": found,
            "start": start_path(self.examples, found),
        }

    async def race(self, request: Request) -> Document:
        """Return the content of the Race page: paths that can be asked without a parameter."""
        asked = await self.compare(request)
        paths = readable_paths(asked["operations"]) or ["/"]
        return {"paths": paths, "start": asked["start"], "benchmark": self.benchmark}

    def index(self, _request: Request) -> Document:
        """Return the content of the Routes page: all endpoints, by mount and path."""
        return {"tables": tables_of(self.mounts, self.endpoints), "links": dict(self.links)}
