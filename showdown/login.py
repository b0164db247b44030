"""The login of the showdown: Django knows the accounts.

The functions import Django when they are called, because it may have failed to load, and Flask and
FastAPI must still be served then. They set it up first, because another application may be mounted
at its prefix.
"""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.types import Scope

from contract.access import permissions_for
from contract.settings import Settings
from framework_gateway import Admission
from framework_gateway.compare.guard import Guard
from framework_gateway.loggers import get_logger
from framework_gateway.security.identity import SAFE, Person, session_key

logger = get_logger("showdown")

SESSION_COOKIE = "sessionid"  # Django's
FRAMEWORKS = {"flask", "fastapi", "django"}  # mounts that serve the users API


def set_django_up() -> None:
    """Load Django's settings and apps, unless its mount has done so."""
    from django_app.project import set_up

    set_up()


def admission(settings: Settings, has_django: bool) -> Admission | None:
    """Return the admission that asks Django who sends a request; None if Django is not mounted.

    Raises:
        SystemExit: if the settings require Django's login nevertheless.
    """
    if not has_django:
        if settings.writes == "authenticated":
            raise SystemExit("GATEWAY_WRITES=authenticated requires Django, mounted at /django.")
        return None
    return Admission(
        user_of_session,
        user_of_token,
        is_forged,
        cookie=SESSION_COOKIE,
        needs=permissions_below if settings.writes == "authenticated" else None,
        # The admin checks each form itself, and webhooks are signed.
        exempt=["/django/admin/", "/flask/webhooks/"],
    )


def permissions_below(method: str, path: str) -> Sequence[str] | None:
    """Return the permissions that a request needs, or None if it needs no login.

    Requests to the frameworks need the operation's permission; other unsafe requests need a login.

    Args:
        path: including the prefix of the mount.
    """
    prefix, _, rest = path[1:].partition("/")
    if prefix in FRAMEWORKS:
        return permissions_for(method, rest)
    return None if method in SAFE else ()


def guard(settings: Settings, admit: Admission | None) -> Guard:
    """Return the guard of the pages that send requests; Django knows the accounts."""

    async def admit_staff(scope: Scope) -> None:
        if admit is None:
            raise HTTPException(403, "Only staff may use this page, and no login is mounted.")
        # A GET: this step only identifies the user; the guard itself checks for forged requests.
        seen = {**scope, "method": "GET"}
        await admit(seen)
        if "user" not in seen:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        await check_staff(seen["user"].identity)
        scope["user"] = seen["user"]

    def is_forged_session(scope: Scope) -> bool:
        has_session = session_key(scope["headers"], SESSION_COOKIE) is not None
        return has_session and is_forged(scope)

    return Guard(
        admit=admit_staff if settings.pages == "staff" else None,
        is_forged=is_forged_session if admit is not None else None,
        login="/django/admin/login/" if admit is not None else None,
    )


async def check_staff(name: str) -> None:
    """Refuse an account that is not staff.

    Raises:
        HTTPException: 403; 503 if the lookup failed.
    """
    try:
        set_django_up()
        from django_app.staff import is_staff

        allowed = await is_staff(name)
    # Any error of Django's: its database may be down.
    except Exception as error:
        logger.exception("Staff lookup failed")
        raise HTTPException(503, headers={"Retry-After": "1"}) from error
    if not allowed:
        raise HTTPException(403, "Only staff may use this page.")


async def user_of_session(key: str, permissions: Sequence[str]) -> Person | None:
    """Return the owner of a session."""
    set_django_up()
    from django_app import authentication

    return await authentication.user_of_session(key, permissions)


async def user_of_token(token: str, permissions: Sequence[str]) -> Person | None:
    """Return the owner of an API token."""
    set_django_up()
    from django_app import authentication

    return await authentication.user_of_token(token, permissions)


def is_forged(scope: Scope) -> bool:
    """Return whether an unsafe request with a session may come from another site."""
    set_django_up()
    from django_app import authentication

    return authentication.is_forged(scope)
