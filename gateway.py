"""The showdown: Flask, FastAPI and Django in one process, each under its prefix.

Start it with ``gateway serve``, ``python gateway.py`` or ``uvicorn gateway:app``.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from contract.access import permissions_for
from contract.problems import MEDIA_TYPE, Problem
from contract.request_id import request_id
from contract.settings import Settings, find_workers_fault, get_settings
from framework_gateway import Admission, Config, Gateway
from framework_gateway.compare.guard import Guard
from framework_gateway.observability.health import Check
from framework_gateway.pages.site import Site
from framework_gateway.security.identity import SAFE, Person, session_key
from showdown.site import Showdown

logger = logging.getLogger("showdown")

SESSION_COOKIE = "sessionid"  # Django's
FRAMEWORKS = {"flask", "fastapi", "django"}  # prefixes of the users API
LINKS = {
    "Compare": "/",
    "Flask": "/flask/api/users",
    "FastAPI": "/fastapi/api/users",
    "Django": "/django/api/users",
    "Swagger UI": "/fastapi/docs",
    "ReDoc": "/fastapi/redoc",
    "Admin": "/django/admin/",
}


def create_app(
    settings: Settings | None = None,
    applications: Mapping[str, Any] | None = None,
    config: Config | None = None,
) -> Gateway:
    """Compose the gateway.

    Args:
        settings: of the users API; from the environment unless given.
        applications: by prefix, in place of the three.
        config: of the gateway; from the environment unless given.
    """
    settings = settings or get_settings()
    if applications is None:
        applications = applications_of(settings)
    has_django = "/django" in applications
    admit = admission(settings, has_django)
    site = Showdown if applications.keys() >= {f"/{name}" for name in FRAMEWORKS} else Site
    return Gateway(
        applications,
        config=config,
        admit=admit,
        site=partial(site, guard=guard(settings, admit)),
        links=links_to(applications),
        needs={"database": Check(find_fault)} if has_django else {},
        optional_checks={"worker": Check(find_no_worker)} if has_django else {},
        at_start=report_database if has_django else None,
        problem=problem,
        request_id=request_id,
        find_workers_fault=find_workers_fault,
    )


def applications_of(settings: Settings) -> dict[str, Any]:
    """Return the three; each is imported when it is mounted, so that a broken one stays alone."""

    def flask() -> Any:
        from flask_app import create_app

        return create_app(settings)

    def fastapi() -> Any:
        from fastapi_app import create_app

        return create_app(settings, servers=["/fastapi", "/flask", "/django"])

    return {"/flask": flask, "/fastapi": fastapi, "/django": "django_app.wsgi:application"}


def links_to(prefixes: Collection[str]) -> dict[str, str]:
    """Return where to look first, of what is mounted."""
    return {
        name: path
        for name, path in LINKS.items()
        if path == "/" or f"/{path.split('/')[1]}" in prefixes
    }


def problem(status: int, detail: str | None, headers: Mapping[str, str] | None) -> Response:
    """Render the gateway's own errors in the shape of the contract."""
    found = Problem(status, detail, headers=headers)
    return Response(found.body, found.status, found.headers, MEDIA_TYPE)


# Who may do what. Django knows the accounts; it is imported when it is asked, because it may have
# failed to load, and Flask and FastAPI serve all the same.


def admission(settings: Settings, has_django: bool) -> Admission | None:
    """Let Django say who sends a request; None where it is not mounted.

    Raises:
        SystemExit: the settings ask for its login all the same.
    """
    if not has_django:
        if settings.writes == "authenticated":
            raise SystemExit("GATEWAY_WRITES=authenticated needs Django's login, at /django.")
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
    """Return what a request needs: below the frameworks a permission, elsewhere a login to write.

    Args:
        path: with the prefix of the mount.
    """
    prefix, _, rest = path[1:].partition("/")
    if prefix in FRAMEWORKS:
        return permissions_for(method, rest)
    return None if method in SAFE else ()


def guard(settings: Settings, admit: Admission | None) -> Guard:
    """Let Django say who may use the pages that send requests, and with whose session."""

    async def admit_staff(scope: Scope) -> None:
        if admit is None:
            raise HTTPException(403, "This is for staff, and nobody can log in here.")
        # Only who it is; the guard itself asks whether a request is forged.
        seen = {**scope, "method": "GET"}
        await admit(seen)
        if "user" not in seen:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        await check_staff(seen["user"].identity)

    def is_forged_session(scope: Scope) -> bool:
        has_session = session_key(scope["headers"], SESSION_COOKIE) is not None
        return has_session and is_forged(scope)

    return Guard(
        admit=admit_staff if settings.pages == "staff" else None,
        is_forged=is_forged_session if admit is not None else None,
        login="/django/admin/login/" if admit is not None else None,
    )


async def check_staff(name: str) -> None:
    """Refuse an account that is not staff's.

    Raises:
        HTTPException: 403; 503, the lookup failed.
    """
    try:
        from django_app.staff import is_staff

        allowed = await is_staff(name)
    except Exception as error:  # whatever Django raises: its database may be away
        logger.exception("Staff lookup failed")
        raise HTTPException(503, headers={"Retry-After": "1"}) from error
    if not allowed:
        raise HTTPException(403, "This is for staff.")


async def user_of_session(key: str, permissions: Sequence[str]) -> Person | None:
    """Return whose session it is."""
    from django_app import authentication

    return await authentication.user_of_session(key, permissions)


async def user_of_token(token: str, permissions: Sequence[str]) -> Person | None:
    """Return whose API token it is."""
    from django_app import authentication

    return await authentication.user_of_token(token, permissions)


def is_forged(scope: Scope) -> bool:
    """Return whether another site may have sent an unsafe request with a session."""
    from django_app import authentication

    return authentication.is_forged(scope)


def find_fault() -> str | None:
    """Return what is wrong with the database."""
    from django_app import database

    return database.find_fault()


def find_no_worker() -> str | None:
    """Return a warning when no worker runs."""
    from django_app import database

    return database.find_no_worker()


def report_database() -> None:
    """Log at the start what every request would meet."""
    if fault := find_fault():
        logger.error(fault)


app = create_app()

if __name__ == "__main__":
    from framework_gateway.cli.main import main

    main()
