"""Permission and CSRF checks for the pages that send requests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Scope


@dataclass(frozen=True)
class Guard:
    """Checks requests to Compare, Race, Moves and ``/compare``; the default allows all users.

    Attributes:
        admit: raises HTTPException, 401 or 403, for a request without permission.
        is_forged: returns whether an unsafe request has a session cookie without its CSRF token.
        login: the path of the login page.
    """

    admit: Callable[[Scope], Awaitable[None]] | None = None
    is_forged: Callable[[Scope], bool] | None = None
    login: str | None = None

    async def check(self, request: Request) -> None:
        """Refuse a request without permission.

        Raises:
            HTTPException: 401, 403, or 503 if the permission lookup failed.
        """
        if self.admit is not None:
            await self.admit(request.scope)

    async def check_page(self, request: Request) -> RedirectResponse | None:
        """Check a request for a page; redirect to the login page if a login is required.

        Raises:
            HTTPException: as in ``check``.
        """
        try:
            await self.check(request)
        except HTTPException as error:
            if error.status_code != 401 or self.login is None:
                raise
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            root = request.scope.get("root_path", "")
            return RedirectResponse(f"{root}{self.login}?next={quote(here, safe='')}", 302)
        return None

    def check_unsafe(self, request: Request, method: str) -> None:
        """Refuse an unsafe request that another site or a plain link could have caused.

        It checks fetch metadata (W3C Fetch Metadata Request Headers) and the Origin header. A
        browser that sends neither still needs the CSRF token of its session.

        Args:
            request: the request.
            method: the method of the request, or of the requests that it causes.

        Raises:
            HTTPException: 403.
        """
        headers = request.headers
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise HTTPException(403, "Another site may have sent this request.")
        if headers.get("sec-fetch-mode") == "navigate":
            raise HTTPException(403, "A link may have sent this request.")
        if headers.get("origin", origin_of(request)) != origin_of(request):
            raise HTTPException(403, "Another origin has sent this request.")
        if self.is_forged is not None and self.is_forged({**request.scope, "method": method}):
            raise HTTPException(403, "The session's CSRF token is missing or wrong.")


async def refuse(_scope: Scope) -> None:
    """Refuse every request."""
    raise HTTPException(403, "These pages are closed in production; GATEWAY_PAGES=open opens them.")


ALLOW_ALL = Guard()
CLOSED = Guard(admit=refuse)


def origin_of(request: Request) -> str:
    """Return the request's own origin (RFC 6454), as browsers write it."""
    return f"{request.url.scheme}://{request.url.netloc}"
