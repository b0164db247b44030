"""Mount a WSGI or ASGI application under a prefix, and pass requests to it."""

from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.routing import Mount as StarletteMount
from starlette.types import Receive, Scope, Send

from framework_gateway.mounts.application import MountedApplication
from framework_gateway.mounts.streams import STREAMS
from framework_gateway.mounts.threads import current_threads
from framework_gateway.proxy.heads import PREFIX
from framework_gateway.security.checks import check_headers, check_target
from framework_gateway.security.names import NAMES, header_names
from framework_gateway.wsgi.bodies import GuardedReceive, serve_limited
from framework_gateway.wsgi.errors import means_client_left
from framework_gateway.wsgi.middleware import BUSY_HEADERS


class Mount(MountedApplication, StarletteMount):
    """A WSGI or ASGI application under a prefix.

    The application is loaded when the mount starts. If it cannot be imported or started, whatever
    it raises, its prefix answers 503, ``failure`` says why, and the other mounts still serve.

    Args:
        path: the prefix, one or more whole segments, such as ``/shop``; ``/`` for all paths that
            no other mount has.
        application: an argument of ``framework_gateway.mounts.loading.load``, or addresses as for
            ``framework_gateway.proxy.addresses.addresses_in``.
        target: how messages call an application that is compared, and not mounted.
        options: the members of ``framework_gateway.mounts.options.MountOptions``.

    Attributes:
        kind: ``asgi`` or ``wsgi``; None until the application is loaded.
        application: the loaded application.
        failure: why the prefix answers 503; None if the application works.
        fault: what is wrong with an application that serves all the same.
        open: the number of open requests and WebSockets.
        shed: the number of refused requests.
    """

    def __init__(
        self, path: str, application: Any, *, target: str | None = None, **options: Any
    ) -> None:
        StarletteMount.__init__(self, path, not_loaded)
        label = target or self.path or "/"
        MountedApplication.__init__(self, application, self.path, label, options)
        self.open = self.shed = 0

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the prefix by whole segments, with or without a slash after it.

        Starlette's own regular expression does not match a path with a line break.

        Raises:
            HTTPException: 307, relative links of the page at ``/prefix`` need a slash after it.
        """
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        outer = scope.get("root_path", "")
        child_scope = self.child_scope(scope, outer + self.path)
        if child_scope is None:
            return Match.NONE, {}
        child_scope["app_root_path"] = scope.get("app_root_path", outer)
        return Match.FULL, child_scope

    def child_scope(self, scope: Scope, prefix: str) -> Scope | None:
        """Return what a request to this mount adds to its scope; None if it is to another.

        Args:
            scope: an HTTP or WebSocket scope.
            prefix: the prefix of the mount behind the root path of the scope.

        Raises:
            HTTPException: 307, as ``matches``.
        """
        path: str = scope["path"]
        if not path.startswith(prefix):
            return None
        child_scope = {"root_path": prefix, "endpoint": self.app, PREFIX: self.path}
        if path == prefix and not self.keeps_prefix:
            if self.path and self.options.redirect and scope.get("method") in ("GET", "HEAD"):
                raise HTTPException(307, headers={"Location": self._address_of_root(scope)})
            # The root of the application, as for ``/prefix/``.
            raw_path = scope.get("raw_path")
            child_scope |= {"path": path + "/", "raw_path": raw_path and raw_path + b"/"}
        elif path != prefix and path[len(prefix)] != "/":
            return None
        return child_scope

    def _address_of_root(self, scope: Scope) -> str:
        """Return the relative address of ``/prefix/``, which holds behind any proxy."""
        query = scope["query_string"].decode("latin-1")
        return quote(self.path.rpartition("/")[2]) + "/" + (query and f"?{query}")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as a Starlette route; the headers have not been checked yet."""
        self.load()
        check_headers(scope)
        await self.serve(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; answer 503 if the application has failed or the mount is full."""
        check_target(scope, scope["root_path"])
        if self.failure is not None:
            return await self._refuse(scope, send, self.retry_after)
        if self.open >= self.max_requests:
            self.shed += 1
            return await self._refuse(scope, send, BUSY_HEADERS)
        is_framed = header_names(scope).is_framed
        del scope[NAMES]  # the application may change the list of headers
        scope[STREAMS] = self.streams
        if self.lifespan.state:
            scope["state"] = {**scope.get("state", {}), **self.lifespan.state}
        current_threads.set(self.threads)
        if self.strip_prefix:
            strip_prefix(scope)
        self.open += 1
        try:
            if self.kind == "asgi" and scope["type"] == "http":
                if is_framed or not scope["http_version"].startswith("1"):
                    await serve_limited(self.app, self.max_body_size, scope, receive, send)
                else:
                    await self.app(scope, GuardedReceive(receive, 0), send)  # has no body
            elif self.kind == "asgi":
                with self.streams.open(scope):
                    await self.app(scope, GuardedReceive(receive), send)
            else:
                await self.app(scope, receive, send)
        # An application that stops because its client has left has not failed.
        except Exception as error:
            if not means_client_left(error):
                raise
        finally:
            self.open -= 1

    async def _refuse(self, scope: Scope, send: Send, retry_after: dict[str, str]) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1013})
        raise HTTPException(503, headers=retry_after)


async def not_loaded(scope: Scope, receive: Receive, send: Send) -> None:
    """Placeholder for an application that could not be loaded; never called."""


def strip_prefix(scope: Scope) -> None:
    """Remove the root path from the path, as for an application at the root of a server."""
    root_path = scope["root_path"]
    scope["root_path"] = ""
    scope["path"] = scope["path"].removeprefix(root_path)
    if raw_path := scope.get("raw_path"):
        scope["raw_path"] = raw_path.removeprefix(quote(root_path).encode())
