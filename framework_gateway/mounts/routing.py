"""Pass each request to its mount."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, Self

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.security.checks import check_headers
from framework_gateway.security.headers import PAGE_HEADERS

MOUNT = "bridge.mount"  # scope key: the prefix of the mount that serves the request, or "/"
TIMEOUT = "bridge.timeout"  # scope key: seconds until a response must start, if a mount has its own

Refuse = Callable[[HTTPConnection, HTTPException], Awaitable[Response]]
CheckHost = Callable[[Scope, bytes | None], None]


async def render_as_text(_connection: HTTPConnection, error: HTTPException) -> Response:
    """Render an HTTPException as plain text, as Starlette does."""
    return PlainTextResponse(error.detail, error.status_code, error.headers)


class Routed(Protocol):
    """What serves a prefix: a mount, or something else that stands in its place."""

    @property
    def path(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def login(self) -> bool: ...

    @property
    def page_headers(self) -> bool: ...

    @property
    def request_timeout(self) -> float | None: ...

    def load(self) -> Self:
        """Import the application, unless that has been done."""

    def child_scope(self, scope: Scope, root_path: str) -> Scope | None:
        """Return what changes in the scope of a request below the prefix; None for others."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""


class Mounts:
    """Middleware that passes each request to its mount; the longest matching prefix wins.

    Mounts also work as routes of a Starlette application. But Starlette's routing and exception
    handling would then cost more time than the rest of the gateway.

    Args:
        app: serves requests that match no mount.
        mounts: the mounts.
        refuse: renders an HTTPException that the gateway itself raises.
        admit: authenticates a request before its application sees it; may raise HTTPException.
        check_host: checks the Host of every request, with or without a mount; may raise
            HTTPException.
        own: the paths that ``app`` serves although there is a mount at ``/``.
    """

    def __init__(
        self,
        app: ASGIApp,
        mounts: Sequence[Routed],
        refuse: Refuse = render_as_text,
        admit: Callable[[Scope], Awaitable[None]] | None = None,
        check_host: CheckHost | None = None,
        own: Collection[str] = (),
    ) -> None:
        self.app = app
        # /shop/admin before /shop
        self.mounts = sorted(
            [mount.load() for mount in mounts], key=lambda mount: len(mount.path), reverse=True
        )
        self.own = frozenset(own)
        self.refuse = refuse
        self.admit = admit
        self.check_host = check_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        try:
            host = check_headers(scope)
            if self.check_host is not None:
                self.check_host(scope, host)
            root_path = scope.get("root_path", "")
            for mount in self.mounts:
                child_scope = mount.child_scope(scope, root_path + mount.path)
                if child_scope is not None:
                    break
            else:
                return await self.app(scope, receive, send)
            if not mount.path and self._is_own(scope):
                return await self.app(scope, receive, send)
            scope[MOUNT] = mount.label
            scope[PAGE_HEADERS] = mount.page_headers
            if mount.request_timeout is not None:
                scope[TIMEOUT] = mount.request_timeout
            if mount.login and self.admit is not None:
                await self.admit(scope)
            scope.update(child_scope)
            # No router is above the application, so its URLs begin at its own root_path.
            scope.pop("app_root_path", None)
            await mount.serve(scope, receive, send)
        except HTTPException as error:
            # Raised by the gateway; applications handle their own exceptions.
            response = await self.refuse(HTTPConnection(scope), error)
            await response(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        """Return whether the gateway itself serves a path that the mount at ``/`` has, too."""
        return scope["path"].removeprefix(scope.get("root_path", "")) in self.own
