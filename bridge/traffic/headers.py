"""Response headers that keep browsers from being misled, on the answers of every mount."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What OWASP's HTTP Headers Cheat Sheet asks of pages; what they may load only they know.
OF_PAGES = {"Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}


class SecurityHeaders:
    """Middleware that adds the headers; one that an application has set itself stays as it is.

    Args:
        app: the application.
        hsts: seconds that browsers are to come back by HTTPS alone (RFC 6797); 0: not said.
    """

    def __init__(self, app: ASGIApp, *, hsts: int = 0) -> None:
        self.app = app
        self.hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        secure = scope["scheme"] == "https"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                self.add(MutableHeaders(scope=message), secure)
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def add(self, headers: MutableHeaders, secure: bool) -> None:
        """Add the headers to those of an answer, which may have come over HTTPS."""
        headers.setdefault("X-Content-Type-Options", "nosniff")
        if secure and self.hsts:
            headers.setdefault("Strict-Transport-Security", f"max-age={self.hsts}")
        if headers.get("Content-Type", "").startswith("text/html"):
            for name, value in OF_PAGES.items():
                headers.setdefault(name, value)
            if secure:
                # Browsers heed it there alone, and complain elsewhere.
                headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
