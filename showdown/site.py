"""The pages at ``/``: compare, code, race, routes and the guide."""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
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

from bridge import Mount
from showdown.api import PATH, Compare
from showdown.claims.plots import draw_claim
from showdown.claims.results import load_latest
from showdown.endpoints import Endpoint, endpoints_of
from showdown.examples import EXAMPLES
from showdown.guard import EVERYBODY, Guard
from showdown.guide import GUIDE
from showdown.source import Operation, highlight_styles, operations_of, source_of

HERE = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PAGES = {
    "": "Compare",
    "code": "Code",
    "race": "Race",
    "claims": "Claims",
    "live": "Live",
    "routes": "Routes",
    "guide": "When to use",
}
SENDING = ("", "race")  # the pages that send requests which visitors make up
STATES = {"holds": "hold", "fails": "fail", "undecided": "undecided"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
}


class Site:
    """The pages about some mounts.

    Args:
        mounts: what is compared.
        links: addresses besides, by name; each a path.
        max_body_size: bytes of the longest request body to ``/compare``.
        guard: says who may use the pages that send requests.
    """

    def __init__(
        self,
        mounts: Sequence[Mount],
        links: Mapping[str, str],
        max_body_size: int,
        guard: Guard = EVERYBODY,
    ) -> None:
        self.mounts = mounts
        self.links = links
        self.max_body_size = max_body_size
        self.guard = guard
        self.templates = Jinja2Templates(HERE / "templates")
        self.templates.env.globals["number"] = number

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the pages, of what they load, and of ``/compare``."""
        prefixes = [mount.path for mount in self.mounts]
        return [
            below(PATH, Compare(prefixes, self.max_body_size, self.guard)),
            Route("/", self.page("", "compare.html", self.compare)),
            Route("/code", self.page("code", "code.html", self.code)),
            Route("/race", self.page("race", "race.html", self.compare)),
            *(self.routes_of_the_three if self.is_showdown else []),
            Route("/routes", self.page("routes", "routes.html", self.index)),
            Route("/guide", self.page("guide", "guide.html", self.guide)),
            Route("/static/highlight.css", show_highlight_styles),
            StarletteMount("/static", StaticFiles(directory=HERE / "static")),
        ]

    def page(
        self, name: str, template: str, collect: Callable[[Request], dict[str, Any]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint of a template and a function that collects what it shows."""

        async def show(request: Request) -> Response:
            if name in SENDING and (login := await self.guard.check_page(request)):
                return login
            context = {
                "page": name,
                "pages": self.pages,
                "root": request.scope.get("root_path", ""),
                "targets": {mount.path.strip("/"): title_of(mount) for mount in self.mounts},
                **collect(request),
            }
            return self.templates.TemplateResponse(request, template, context, headers=HEADERS)

        return show

    @cached_property
    def endpoints(self) -> dict[str, list[Endpoint]]:
        """What each mount serves; read once, because it does not change."""
        return {mount.path: endpoints_of(mount) for mount in self.mounts}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """What the mounts have in common, by name."""
        every = [endpoint for endpoints in self.endpoints.values() for endpoint in endpoints]
        return {operation.name: operation for operation in operations_of(every)}

    @property
    def is_showdown(self) -> bool:
        """Whether the three are mounted, and not only applications of somebody's own."""
        return {mount.path for mount in self.mounts} >= {"/flask", "/fastapi", "/django"}

    @property
    def pages(self) -> dict[str, str]:
        """The pages' titles; what the three alone can show is left out without them."""
        return {
            name: title
            for name, title in PAGES.items()
            if self.is_showdown or name not in ("claims", "live")
        }

    @property
    def routes_of_the_three(self) -> list[BaseRoute]:
        """The pages that own applications do not have."""
        return [
            Route("/claims", self.page("claims", "claims.html", collect_claims)),
            Route("/live", self.page("live", "live.html", lambda _request: {})),
        ]

    def compare(self, _request: Request) -> dict[str, Any]:
        """Collect what the Compare and the Race page show."""
        return {"methods": METHODS, "examples": EXAMPLES if self.is_showdown else []}

    def code(self, request: Request) -> dict[str, Any]:
        """Collect one operation's source in each application."""
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
        """Collect every endpoint, by mount and path."""
        tables = []
        for mount in self.mounts:
            paths: dict[str, list[Endpoint]] = defaultdict(list)
            for endpoint in self.endpoints[mount.path]:
                paths[endpoint.path].append(endpoint)
            tables.append({"mount": mount, "title": title_of(mount), "paths": paths})
        return {"tables": tables, "links": self.links}

    def guide(self, _request: Request) -> dict[str, Any]:
        """Collect the guidance, and which of what it points to is here."""
        here = {*self.pages, *(mount.path.strip("/") for mount in self.mounts)}
        return {"guide": [(advice, re.split("[/?]", advice.link)[0] in here) for advice in GUIDE]}


def below(prefix: str, endpoint: ASGIApp) -> Route:
    """Route every path below a prefix; Starlette's own pattern would leave out line breaks."""
    route = Route(prefix + "/{path:path}", endpoint)
    route.path_regex = re.compile(f"^{re.escape(prefix)}/(?P<path>.*)$", re.DOTALL)
    return route


def collect_claims(_request: Request) -> dict[str, Any]:
    """Collect the last run of the claims; read each time, because a run may have ended since."""
    run = load_latest()
    plots = {claim["name"]: draw_claim(claim) for claim in run["claims"]} if run else {}
    return {"run": run, "plots": plots, "states": STATES}


def title_of(mount: Mount) -> str:
    """Name an application by its framework when the prefix does, else by the prefix."""
    name = mount.path.strip("/")
    return {"flask": "Flask", "fastapi": "FastAPI", "django": "Django"}.get(name, name)


def number(things: Sized) -> str:
    """Say how many there are, in a heading."""
    words = ("no", "one", "two", "three", "four", "five", "six")
    return words[len(things)] if len(things) < len(words) else str(len(things))


async def show_highlight_styles(_request: Request) -> Response:
    """Serve the styles of highlighted code, which come from Pygments."""
    return Response(highlight_styles(), media_type="text/css")
