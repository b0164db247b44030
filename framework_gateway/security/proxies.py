"""Apply forwarded headers from trusted proxies, and remove them from every request."""

import re
from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from framework_gateway.security.names import FORWARDED, header_names

FORWARDED_PREFIX = b"x-forwarded-prefix"
PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")  # no "//host" and no dot segments
MAX_PREFIX = 200  # characters
MAX_ADDRESS = 64  # characters; an IPv6 address has at most 45, and a client may send anything


class Proxies:
    """Middleware that takes the client address, the scheme and the prefix from trusted proxies.

    It applies ``X-Forwarded-For`` and ``X-Forwarded-Proto`` to the scope as uvicorn does, and
    ``X-Forwarded-Prefix``, the prefix that a proxy has removed from the path, as ``root_path``.
    Then it removes all forwarded headers. Even a trusted proxy passes on those of its client that
    it does not set itself.

    Args:
        app: the application.
        trusted: addresses and networks of the trusted proxies.
        root_path: the prefix for requests whose proxy names none, such as ``/outer``.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str], root_path: str = "") -> None:
        self.app = app
        self.root_path = root_path
        self.apply_forwarded = ProxyHeadersMiddleware(self.serve_without_forwarded, [*trusted])  # type: ignore[arg-type]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine function: that would add a coroutine to every request.
        if scope["type"] != "lifespan":
            if self.root_path:
                set_root_path(scope, self.root_path)
            if header_names(scope).has_forwarded:
                return self._serve_forwarded(scope, receive, send)
        return self.app(scope, receive, send)

    def _serve_forwarded(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        client = scope.get("client")
        if (client[0] if client else None) in self.apply_forwarded.trusted_hosts:
            prefix = forwarded_prefix(scope["headers"])
            if prefix is not None:
                set_root_path(scope, prefix)
        return self.apply_forwarded(scope, receive, send)  # type: ignore[arg-type]

    async def serve_without_forwarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request without forwarded headers; cut a client address that is too long."""
        if client := scope.get("client"):
            scope["client"] = client[0][:MAX_ADDRESS], client[1]
        scope["headers"] = [
            header for header in scope["headers"] if not header[0].startswith(FORWARDED)
        ]
        await self.app(scope, receive, send)


def forwarded_prefix(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the prefix that the proxies have removed; None if they name none, or no plain path.

    Each proxy of a chain adds its own; the outermost comes first.
    """
    given = [value for name, value in headers if name == FORWARDED_PREFIX]
    if not given:
        return None
    parts = [part.strip().rstrip("/") for part in b",".join(given).decode("latin-1").split(",")]
    prefix = "".join(parts)
    is_plain = len(prefix) <= MAX_PREFIX and PREFIX.fullmatch(prefix)
    return prefix if is_plain or not prefix else None


def set_root_path(scope: Scope, prefix: str) -> None:
    """Put a prefix that a proxy has removed before the path, as ASGI's ``root_path`` requires."""
    before = scope.get("root_path", "")
    scope["root_path"] = prefix
    scope["path"] = prefix + scope["path"].removeprefix(before)
    if raw_path := scope.get("raw_path"):
        scope["raw_path"] = prefix.encode() + raw_path.removeprefix(before.encode())
