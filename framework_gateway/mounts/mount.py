"""One way to hang any application under a prefix."""

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
from framework_gateway.wsgi.bodies import PatientReceive, serve_limited
from framework_gateway.wsgi.exchange import is_about_leaving
from framework_gateway.wsgi.middleware import BUSY, WSGIMiddleware

logger = logging.getLogger("framework_gateway")

APPLICATION_FAILED = {"Retry-After": "30"}
MOUNT = "bridge.mount"  # in a scope: the prefix of the mount that its request belongs to


class Mount(StarletteMount):
    """A WSGI or ASGI application under a prefix; ``/prefix`` and ``/prefix/`` both reach it.

    An application that cannot be imported or started does not keep the others from serving: its
    prefix answers 503, and ``failure`` says why.

    Args:
        path: the prefix, of one or more whole segments, as in ``/shop``.
        application: what ``framework_gateway.mounts.loading.load`` takes.
        max_requests: requests and WebSockets open at once; one more is shed with 503.
        max_body_size: bytes of the longest request body; beyond it, 413.
        max_streams: WebSockets and event streams open at once, in all and
        max_streams_of_client: for each client address; one more is refused with 503.
        wsgi: more arguments for WSGIMiddleware, should it be a WSGI application.

    Attributes:
        kind: ``asgi`` or ``wsgi``; None when the application could not be loaded.
        application: the loaded application itself.
        failure: why the prefix answers 503; None when all is well.
        open: requests and WebSockets that are open.
        shed: how many have been shed.
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
        app: Any = self._lacking
        try:
            self.application, self.kind = load(application)
        except Exception as error:  # whatever the import of an application raises
            self._fail("could not be loaded", path, error)
        else:
            app = self.application
            if self.kind == "wsgi":
                app = WSGIMiddleware(app, max_body_size=max_body_size, **wsgi)
        super().__init__(path, app)
        self.lifespan = Lifespan(app)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the prefix by whole segments, with or without a slash behind it.

        Starlette's own regular expression would not match a path with a line break, and would
        leave ``/prefix`` to a redirect.
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
            # The application's own root, as if the slash had been there.
            raw_path = scope.get("raw_path")
            child_scope |= {"path": path + "/", "raw_path": raw_path and raw_path + b"/"}
        elif path[len(prefix)] != "/":
            return Match.NONE, {}
        return Match.FULL, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as a route, whose headers nobody has looked at."""
        check_headers(scope)
        await self.serve(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 503 while there is no application, or no room."""
        check_target(scope, scope["root_path"])
        if self.failure is not None:
            return await self._refuse(scope, send, APPLICATION_FAILED)
        if self.open >= self.max_requests:
            self.shed += 1
            return await self._refuse(scope, send, BUSY)
        scope[STREAMS] = self.streams
        if self.lifespan.state:
            scope["state"] = {**scope.get("state", {}), **self.lifespan.state}
        self.open += 1
        try:
            if self.kind == "asgi" and scope["type"] == "http":
                await serve_limited(self.app, self.max_body_size, scope, receive, send)
            elif self.kind == "asgi":
                with self.streams.open(scope):
                    await self.app(scope, PatientReceive(receive), send)
            else:
                await self.app(scope, receive, send)
        except Exception as error:
            # The application has stopped because nobody is there to read its answer.
            if not is_about_leaving(error):
                raise
        finally:
            self.open -= 1

    async def startup(self) -> None:
        """Run the application's startup; a failure is its own."""
        try:
            await self.lifespan.startup()
        except Exception as error:
            self._fail("could not be started", self.path, error)

    async def shutdown(self) -> None:
        """Run the application's shutdown; a failure is its own."""
        try:
            await self.lifespan.shutdown()
        # Whatever an application raises: the ones after it must still be stopped.
        except Exception:
            logger.exception("The application at %s did not stop cleanly", self.path)

    def _fail(self, what: str, path: str, error: Exception) -> None:
        self.failure = f"the application at {path or '/'} {what}: {error!r}"
        logger.error("The application at %s %s", path or "/", what, exc_info=error)

    async def _refuse(self, scope: Scope, send: Send, retry_after: dict[str, str]) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1013})
        raise HTTPException(503, headers=retry_after)

    async def _lacking(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stand in for an application that could not be loaded."""


Refuse = Callable[[HTTPConnection, HTTPException], Awaitable[Response]]
CheckHost = Callable[[Scope, bytes | None], None]


async def refuse_in_text(_connection: HTTPConnection, error: HTTPException) -> Response:
    """Answer as Starlette does."""
    return PlainTextResponse(error.detail, error.status_code, error.headers)


class Mounts:
    """Middleware that sends each request to its mount, the longest prefix first.

    The same mounts could be routes of a Starlette application, whose routing and exception handling
    then cost more than everything else on a request's way to its application.

    Args:
        app: serves what belongs to no mount.
        mounts: the applications.
        refuse: renders the HTTPException of a request that no application gets to see.
        admit: looks at each request before its application does; may raise HTTPException.
        check_host: looks at the Host of each request, also of those to no mount; the same.
    """

    def __init__(
        self,
        app: ASGIApp,
        mounts: Sequence[Mount],
        refuse: Refuse = refuse_in_text,
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
            # No router is above the application, so its own root_path is where its URLs begin.
            del scope["app_root_path"]
            await mount.serve(scope, receive, send)
        except HTTPException as error:
            # Only the bridge's own: an application answers its exceptions itself.
            response = await self.refuse(HTTPConnection(scope), error)
            await response(scope, receive, send)


@asynccontextmanager
async def run_lifespans(mounts: Sequence[Mount]) -> AsyncIterator[None]:
    """Start the applications in order, and stop them in reverse."""
    for mount in mounts:
        await mount.startup()
    try:
        yield
    finally:
        for mount in reversed(mounts):
            await mount.shutdown()
