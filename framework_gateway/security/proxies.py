"""Apply forwarded headers from trusted proxies, and remove them from every request."""

from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

MAX_ADDRESS = 64  # characters; an IPv6 address has at most 45, and a client may send anything
FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")  # prefixes of header names


class Proxies:
    """Middleware that takes the client address and the scheme from trusted proxies.

    It applies ``X-Forwarded-For`` and ``X-Forwarded-Proto`` to the scope as uvicorn does. Then it
    removes all forwarded headers. Even a trusted proxy passes on those of its client that it does
    not set itself.

    Args:
        app: the application.
        trusted: addresses and networks of the trusted proxies.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self.app = app
        self.apply_forwarded = ProxyHeadersMiddleware(self.serve_without_forwarded, [*trusted])  # type: ignore[arg-type]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine function: that would add a coroutine to every request.
        if scope["type"] != "lifespan":
            for name, _ in scope["headers"]:
                if name.startswith(FORWARDED):
                    return self.apply_forwarded(scope, receive, send)  # type: ignore[arg-type]
        return self.app(scope, receive, send)

    async def serve_without_forwarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request without forwarded headers; cut a client address that is too long."""
        if client := scope.get("client"):
            scope["client"] = client[0][:MAX_ADDRESS], client[1]
        scope["headers"] = [
            header for header in scope["headers"] if not header[0].startswith(FORWARDED)
        ]
        await self.app(scope, receive, send)
