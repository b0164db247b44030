"""What proxies say of a request: believed from those that are trusted, dropped from all others."""

from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

MAX_ADDRESS = 64  # characters; one of IPv6 has at most 45, and others may be made up
FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")  # beginnings of headers' names


class Proxies:
    """Middleware that takes a request's client and scheme from a trusted proxy's word.

    ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are applied to the scope as uvicorn does it. No
    header of the kind reaches the application, whoever sent it: one that a proxy does not set, it
    passes on as its client wrote it.

    Args:
        app: the application.
        trusted: addresses and networks of proxies.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self.app = app
        self.believing = ProxyHeadersMiddleware(self.drop, [*trusted])  # type: ignore[arg-type]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # A coroutine of its own, which most requests do not need, would be one more for each.
        if scope["type"] != "lifespan":
            for name, _ in scope["headers"]:
                if name.startswith(FORWARDED):
                    return self.believing(scope, receive, send)  # type: ignore[arg-type]
        return self.app(scope, receive, send)

    async def drop(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request without these headers; its client may have another address now."""
        if client := scope.get("client"):
            scope["client"] = client[0][:MAX_ADDRESS], client[1]
        scope["headers"] = [
            header for header in scope["headers"] if not header[0].startswith(FORWARDED)
        ]
        await self.app(scope, receive, send)
