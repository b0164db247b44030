"""Authenticate and authorise a request once, for all mounted applications.

One application keeps the accounts and permissions; it provides the functions that look them up.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from starlette.authentication import BaseUser
from starlette.exceptions import HTTPException
from starlette.types import Scope

logger = logging.getLogger("framework_gateway")

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
CREDENTIALS = (b"authorization", b"cookie")
INVALID_TOKEN = 'Bearer error="invalid_token"'  # nosec B105  # RFC 6750, 3.1
INSUFFICIENT_SCOPE = 'Bearer error="insufficient_scope"'


class Person(Protocol):
    """The owner of a session or a token, as returned by the application with the accounts.

    Attributes:
        name: the name of the account.
        permitted: whether the account has one of the required permissions.
        read_only: whether the token allows only safe methods.
    """

    @property
    def name(self) -> str: ...

    @property
    def permitted(self) -> bool: ...

    @property
    def read_only(self) -> bool: ...


Headers = Sequence[tuple[bytes, bytes]]
Permissions = Sequence[str]
Resolve = Callable[[str, Permissions], Awaitable[Person | None]]


class User(BaseUser):
    """An authenticated user."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        return self.name


class Admission:
    """Authenticates requests, and refuses those without permission.

    ASGI applications find a User at ``scope["user"]``, WSGI applications its name in
    ``REMOTE_USER``. Both are missing for anonymous requests. A client cannot set either by a
    header.

    Args:
        session: returns the owner of a session, given the value of the session cookie and the
            permissions of which the owner needs one. Without permissions, any owner is permitted.
        token: does the same for a Bearer token (RFC 6750).
        is_forged: returns whether another site may have sent an unsafe request with a session.
        cookie: the name of the session cookie.
        needs: returns the permissions of which a request needs one, given its method and its path
            below the root path. An empty sequence requires only a login; None allows anonymous
            requests. Without this function, all requests are allowed.
        exempt: path prefixes, below the root path, whose applications check permissions themselves.
    """

    def __init__(
        self,
        session: Resolve,
        token: Resolve,
        is_forged: Callable[[Scope], bool],
        *,
        cookie: str,
        needs: Callable[[str, str], Permissions | None] | None,
        exempt: Sequence[str] = (),
    ) -> None:
        self.session = session
        self.token = token
        self.is_forged = is_forged
        self.cookie = cookie
        self.needs = needs
        self.exempt = tuple(exempt)

    async def __call__(self, scope: Scope) -> None:
        """Set ``scope["user"]``.

        Raises:
            HTTPException: 400, the session cookie was sent twice; 401, the token is not valid, or
                a login is required; 403, the person lacks the permission, the token may only read,
                or another site may have sent an unsafe request with a session cookie; 503, the
                lookup failed.
        """
        scope.pop("user", None)
        sent = [header for header in scope["headers"] if header[0] in CREDENTIALS]
        if not sent and self.needs is None:
            return
        method: str = scope.get("method", "GET")  # a WebSocket starts with a GET
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        guarded = not path.startswith(self.exempt)
        needed = self.needs(method, path) if guarded and self.needs is not None else None
        person = await self._find(scope, sent, method, needed) if sent else None
        if person is not None:
            scope["user"] = User(person.name)
            if guarded:
                check_permission(person, method)
        elif needed is not None:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    async def _find(
        self, scope: Scope, sent: Headers, method: str, needed: Permissions | None
    ) -> Person | None:
        key = session_key(sent, self.cookie)
        if token := bearer_token(sent):
            if (person := await resolve(self.token, token, needed or ())) is None:
                raise HTTPException(401, headers={"WWW-Authenticate": INVALID_TOKEN})
            return person
        person = await resolve(self.session, key, needed or ()) if key else None
        unsafe = needed is not None and method not in SAFE
        if person is not None and unsafe and self.is_forged(scope):
            raise HTTPException(403, "The session's CSRF token is missing or wrong.")
        return person


def check_permission(person: Person, method: str) -> None:
    """Refuse a request that the person or the token may not send.

    Raises:
        HTTPException: 403.
    """
    if person.read_only and method not in SAFE:
        headers = {"WWW-Authenticate": INSUFFICIENT_SCOPE}
        raise HTTPException(403, "This token may only read.", headers)
    if not person.permitted:
        raise HTTPException(403, "This account lacks the required permission.")


async def resolve(ask: Resolve, credential: str, permissions: Permissions) -> Person | None:
    """Look up the owner of a credential; a failed lookup must not make a request anonymous.

    Raises:
        HTTPException: 503.
    """
    try:
        return await ask(credential, permissions)
    except Exception as error:  # the application may raise anything
        logger.exception("Authentication lookup failed")
        raise HTTPException(503, headers={"Retry-After": "1"}) from error


def bearer_token(headers: Headers) -> str | None:
    """Return the Bearer token of the Authorization header, if any (RFC 6750, 2.1)."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1")
    return None


def session_key(headers: Headers, cookie: str) -> str | None:
    """Return the value of the session cookie, parsed as Django does it.

    Raises:
        HTTPException: 400, the cookie was sent twice; each application could read another value.
    """
    sent = b"; ".join(value for name, value in headers if name == b"cookie")
    # Not http.cookies: it takes seconds for a hostile value (CVE-2024-7592).
    pattern = rf"(?:^|;)\s*{re.escape(cookie)}\s*=([^;]*)"
    found = re.findall(pattern, sent.decode(errors="replace"))
    if len(found) > 1:
        raise HTTPException(400, f"The cookie {cookie} was sent more than once.")
    return unquote(found[0].strip()) if found else None


def unquote(value: str) -> str:
    """Remove the quotes around the value of a cookie (RFC 6265, 4.1.1)."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
