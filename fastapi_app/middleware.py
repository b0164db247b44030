"""Middleware for the parts of the contract that FastAPI does not implement itself."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Answers HEAD like GET: the same status and headers, no body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"}
        try:
            await self.app(inner, receive, send_without_body)
        finally:
            # Outer middleware reads the matched route from the scope.
            scope.update({**inner, "method": "HEAD"})


class TrailingSlashMiddleware:
    """Serves ``/api/users/`` as ``/api/users``.

    Starlette's router can only redirect, and a redirect would lose the body of a POST.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.endswith("/") and path != scope.get("root_path", "") + "/":
                scope["path"] = path[:-1]
        await self.app(scope, receive, send)
