"""Mount a WSGI or ASGI application under a prefix, and route requests to it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match
from starlette.routing import Mount as StarletteMount
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.mounts.lifespan import Lifespan
from framework_gateway.mounts.loading import Kind, load
from framework_gateway.mounts.streams import STREAMS, Streams
from framework_gateway.security.checks import check_headers, check_target
from framework_gateway.wsgi.bodies import GuardedReceive, serve_limited
from framework_gateway.wsgi.errors import means_client_left
from framework_gateway.wsgi.middleware import BUSY_HEADERS, WSGIMiddleware

logger = logging.getLogger("framework_gateway")

FAILURE_HEADERS = {"Retry-After": "30"}
MOUNT = "bridge.mount"  # scope key: the prefix of the mount that serves the request


class Mount(StarletteMount):
    """A WSGI or ASGI application under a prefix; ``/prefix`` and ``/prefix/`` both reach it.

    If an application cannot be imported or started, its prefix answers 503, ``failure`` says why,
    and the other mounts still serve.

    Args:
        path: the prefix, one or more whole segments, such as ``/shop``.
        application: an argument of ``framework_gateway.mounts.loading.load``.
        max_requests: open requests and WebSockets; further ones are refused (shed) with 503.
        max_body_size: the largest request body in bytes; then 413.
        max_streams: open WebSockets and event streams; then 503.
        max_streams_of_client: open WebSockets and event streams of one client; then 503.
        wsgi: more arguments for WSGIMiddleware, used for a WSGI application.

    Attributes:
        kind: ``asgi`` or ``wsgi``; None if the application could not be loaded.
        application: the loaded application.
        failure: why the prefix answers 503; None if the application works.
        open: the number of open requests and WebSockets.
        shed: the number of refused requests.
    """

    def __init__(
        self,
        path: str,
        application: Any,
        *,
        max_requests: int = 1000,
        max_body_size: int = 10 * 1024 * 1024,
        max_streams: int = 500,
        max_streams_of_client: int = 50,
        **wsgi: Any,
    ) -> None:
        self.kind: Kind | None = None
        self.application: Any = None
        self.failure: str | None = None
        self.max_requests = max_requests
        self.max_body_size = max_body_size
        self.open = self.shed = 0
        self.streams = Streams(max_streams, max_streams_of_client)
        app: Any = self._not_loaded
        try:
            self.application, self.kind = load(application)
        except Exception as error:  # an import may raise anything
            self._fail("could not be loaded", path, error)
        else:
            app = self.application
            if self.kind == "wsgi":
                app = WSGIMiddleware(app, max_body_size=max_body_size, **wsgi)
        super().__init__(path, app)
        self.lifespan = Lifespan(app)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the prefix by whole segments, with or without a slash after it.

        Starlette's own regular expression does not match a path with a line break, and
        redirects ``/prefix``.
        """
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        outer = scope.get("root_path", "")
        prefix = outer + self.path
        path: str = scope["path"]
        if not path.startswith(prefix):
            return Match.NONE, {}
        child_scope = {
            "root_path": prefix,
            "app_root_path": scope.get("app_root_path", outer),
            "endpoint": self.app,
        }
        if path == prefix:
            # The root of the application, as for ``/prefix/``.
            raw_path = scope.get("raw_path")
            child_scope |= {"path": path + "/", "raw_path": raw_path and raw_path + b"/"}
        elif path[len(prefix)] != "/":
            return Match.NONE, {}
        return Match.FULL, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as a Starlette route; the headers have not been checked yet."""
        check_headers(scope)
        await self.serve(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; answer 503 if the application has failed or the mount is full."""
        check_target(scope, scope["root_path"])
        if self.failure is not None:
            return await self._refuse(scope, send, FAILURE_HEADERS)
        if self.open >= self.max_requests:
            self.shed += 1
            return await self._refuse(scope, send, BUSY_HEADERS)
        scope[STREAMS] = self.streams
        if self.lifespan.state:
            scope["state"] = {**scope.get("state", {}), **self.lifespan.state}
        self.open += 1
        try:
            if self.kind == "asgi" and scope["type"] == "http":
                await serve_limited(self.app, self.max_body_size, scope, receive, send)
            elif self.kind == "asgi":
                with self.streams.open(scope):
                    await self.app(scope, GuardedReceive(receive), send)
            else:
                await self.app(scope, receive, send)
        except Exception as error:
            # An application that stops because its client has left has not failed.
            if not means_client_left(error):
                raise
        finally:
            self.open -= 1

    async def startup(self) -> None:
        """Start the application; if that fails, set ``failure``."""
        try:
            await self.lifespan.startup()
        except Exception as error:
            self._fail("could not be started", self.path, error)

    async def shutdown(self) -> None:
        """Stop the application; only log a failure."""
        try:
            await self.lifespan.shutdown()
        # An application may raise anything; the next ones must still be stopped.
        except Exception:
            logger.exception("The application at %s did not stop cleanly", self.path)

    def _fail(self, what: str, path: str, error: Exception) -> None:
        self.failure = f"the application at {path or '/'} {what}: {error!r}"
        logger.error("The application at %s %s", path or "/", what, exc_info=error)

    async def _refuse(self, scope: Scope, send: Send, retry_after: dict[str, str]) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1013})
        raise HTTPException(503, headers=retry_after)

    async def _not_loaded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Placeholder for an application that could not be loaded; never called."""


Refuse = Callable[[HTTPConnection, HTTPException], Awaitable[Response]]
CheckHost = Callable[[Scope, bytes | None], None]


async def render_as_text(_connection: HTTPConnection, error: HTTPException) -> Response:
    """Render an HTTPException as plain text, as Starlette does."""
    return PlainTextResponse(error.detail, error.status_code, error.headers)


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
    """

    def __init__(
        self,
        app: ASGIApp,
        mounts: Sequence[Mount],
        refuse: Refuse = render_as_text,
        admit: Callable[[Scope], Awaitable[None]] | None = None,
        check_host: CheckHost | None = None,
    ) -> None:
        self.app = app
        # /shop/admin before /shop
        self.mounts = sorted(mounts, key=lambda mount: len(mount.path), reverse=True)
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
            for mount in self.mounts:
                match, child_scope = mount.matches(scope)
                if match is Match.FULL:
                    break
            else:
                return await self.app(scope, receive, send)
            scope[MOUNT] = mount.path
            if self.admit is not None:
                await self.admit(scope)
            scope.update(child_scope)
            # No router is above the application, so its URLs begin at its own root_path.
            del scope["app_root_path"]
            await mount.serve(scope, receive, send)
        except HTTPException as error:
            # Raised by the gateway; applications handle their own exceptions.
            response = await self.refuse(HTTPConnection(scope), error)
            await response(scope, receive, send)


@asynccontextmanager
async def run_lifespans(mounts: Sequence[Mount]) -> AsyncIterator[None]:
    """Start the applications in order, and stop them in reverse order."""
    for mount in mounts:
        await mount.startup()
    try:
        yield
    finally:
        for mount in reversed(mounts):
            await mount.shutdown()
