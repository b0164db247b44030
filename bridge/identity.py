"""Who sends a request: asked once, and told to every application by its own convention."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from starlette.authentication import BaseUser
from starlette.exceptions import HTTPException
from starlette.types import Scope

logger = logging.getLogger("bridge")

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
CREDENTIALS = (b"authorization", b"cookie")
INVALID_TOKEN = 'Bearer error="invalid_token"'  # nosec B105  # what is said of a wrong one

Headers = Sequence[tuple[bytes, bytes]]
Resolve = Callable[[str], Awaitable[str | None]]


class User(BaseUser):
    """Somebody who has proved who they are."""

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
    """Finds out who sends a request, and may refuse the unsafe requests of nobody.

    ASGI applications find a User at ``scope["user"]``, WSGI applications its name in
    ``REMOTE_USER``; neither is there for others. No header of a client's becomes either.

    Args:
        session: returns the name of a session's user, by the session cookie's value.
        token: the same for a Bearer token (RFC 6750).
        is_forged: tells of an unsafe request with a session whether another site may have sent it.
        cookie: the session cookie's name.
        writes: whether unsafe requests need a user.
        exempt: paths, below the root path, whose applications see to that themselves.
    """

    def __init__(
        self,
        session: Resolve,
        token: Resolve,
        is_forged: Callable[[Scope], bool],
        *,
        cookie: str,
        writes: bool,
        exempt: Sequence[str] = (),
    ) -> None:
        self.session = session
        self.token = token
        self.is_forged = is_forged
        self.cookie = cookie
        self.writes = writes
        self.exempt = tuple(exempt)

    async def __call__(self, scope: Scope) -> None:
        """Set ``scope["user"]``.

        Raises:
            HTTPException: 401, a token that is none, or nobody where somebody is needed; 403, an
                unsafe request that another site may have sent with a session's cookie; 503, nobody
                can tell at the moment.
        """
        scope.pop("user", None)
        unsafe = self.writes and self._is_unsafe(scope)
        name = await self._name_of(scope, unsafe)
        if name is not None:
            scope["user"] = User(name)
        elif unsafe:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    async def _name_of(self, scope: Scope, unsafe: bool) -> str | None:
        sent = [header for header in scope["headers"] if header[0] in CREDENTIALS]
        if not sent:
            return None
        if token := bearer_token(sent):
            if (name := await resolve(self.token, token)) is None:
                raise HTTPException(401, headers={"WWW-Authenticate": INVALID_TOKEN})
            return name
        key = session_key(sent, self.cookie)
        name = await resolve(self.session, key) if key else None
        if name is not None and unsafe and self.is_forged(scope):
            raise HTTPException(403, "The session's CSRF token is missing or wrong.")
        return name

    def _is_unsafe(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return (
            scope["type"] == "http"
            and scope["method"] not in SAFE
            and not path.removeprefix(scope.get("root_path", "")).startswith(self.exempt)
        )


async def resolve(ask: Resolve, credential: str) -> str | None:
    """Ask whose a credential is; what cannot be told now is not taken for nobody's.

    Raises:
        HTTPException: 503.
    """
    try:
        return await ask(credential)
    except Exception as error:  # whatever the application raises that keeps the accounts
        logger.exception("It could not be told who sent a request")
        raise HTTPException(503, headers={"Retry-After": "1"}) from error


def bearer_token(headers: Headers) -> str | None:
    """Return the token of an Authorization header, if it has one (RFC 6750, 2.1)."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1")
    return None


def session_key(headers: Headers, cookie: str) -> str | None:
    """Return the value of the session cookie (RFC 6265, 5.4)."""
    for name, value in headers:
        if name == b"cookie":
            # Not http.cookies: it takes seconds for a hostile value (CVE-2024-7592).
            for pair in value.decode("latin-1").split(";"):
                found, equals, key = pair.strip().partition("=")
                if found == cookie and equals:
                    return key.strip('"')
    return None
