"""Response headers that keep browsers from being misled, on the answers of every mount."""

from collections.abc import Awaitable, Iterator
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

NOSNIFF = (b"x-content-type-options", b"nosniff")
# What OWASP's HTTP Headers Cheat Sheet asks of pages; what they may load only they know.
OF_PAGES = [(b"referrer-policy", b"same-origin"), (b"x-frame-options", b"DENY")]
# Browsers heed it over HTTPS alone, and complain elsewhere.
OF_SECURE_PAGES = [(b"cross-origin-opener-policy", b"same-origin")]


class SecurityHeaders:
    """Middleware that adds the headers; one that an application has set itself stays as it is.

    Args:
        app: the application.
        hsts: seconds that browsers are to come back by HTTPS alone (RFC 6797); 0: not said.
    """

    def __init__(self, app: ASGIApp, *, hsts: int = 0) -> None:
        self.app = app
        self.hsts = hsts
        self.headers_of = lru_cache(maxsize=256)(self._headers_of)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        is_secure = scope["scheme"] == "https"

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                given = dict(headers)
                media_type = given.get(b"content-type", b"")
                added = self.headers_of(media_type, is_secure)
                message["headers"] = [*headers, *[new for new in added if new[0] not in given]]
            # Coroutines of its own would be two more for each request.
            return send(message)

        return self.app(scope, receive, send_with_headers)

    def _headers_of(self, media_type: bytes, is_secure: bool) -> list[Header]:
        return [*self._choose(media_type, is_secure)]

    def _choose(self, media_type: bytes, is_secure: bool) -> Iterator[Header]:
        yield NOSNIFF
        if is_secure and self.hsts:
            yield b"strict-transport-security", b"max-age=%d" % self.hsts
        if media_type.startswith(b"text/html"):
            yield from OF_PAGES
            if is_secure:
                yield from OF_SECURE_PAGES
