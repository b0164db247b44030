"""The showdown: Flask, FastAPI and Django in one process, each under its prefix.

Start it with ``gateway serve``, ``python gateway.py`` or ``uvicorn gateway:app``.
"""

import sys
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from starlette.responses import Response

from contract.problems import MEDIA_TYPE, Problem
from contract.request_id import request_id
from contract.settings import Settings, find_workers_fault, get_settings
from framework_gateway import Config, Gateway, Mount
from framework_gateway.config import get_config
from framework_gateway.loggers import get_logger
from framework_gateway.observability.health import Check
from framework_gateway.observability.watched import Watched
from framework_gateway.pages.site import Site
from showdown.login import FRAMEWORKS, admission, guard, set_django_up
from showdown.site import RULES, Showdown

logger = get_logger("showdown")

# They share the login, their roots are part of the contract, and no other site embeds their pages.
OPTIONS: dict[str, Any] = {"login": True, "redirect": False, "page_headers": True}
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
    """Create the gateway.

    Args:
        settings: the users API's; read from the environment if None.
        applications: by prefix, instead of Flask, FastAPI and Django.
        config: the gateway's; read from the environment if None.
    """
    settings = settings or get_settings()
    config = config or get_config()
    if settings.database_timeout >= config.request_timeout:
        logger.warning(
            "GATEWAY_DATABASE_TIMEOUT (%g s) should be less than GATEWAY_REQUEST_TIMEOUT (%g s);"
            " a request that waits for the database is answered before its outcome is known",
            settings.database_timeout,
            config.request_timeout,
        )
    if applications is None:
        applications = applications_of(settings)
    has_django = "/django" in applications
    admit = admission(settings, has_django)
    is_showdown = applications.keys() >= {f"/{name}" for name in FRAMEWORKS}
    needs_login = settings.writes == "authenticated"
    site = partial(Showdown, needs_login=needs_login) if is_showdown else Site
    return Gateway(
        [Mount(prefix, app, **OPTIONS) for prefix, app in applications.items()],
        config=config,
        admit=admit,
        site=partial(site, guard=guard(settings, admit)),
        rules=RULES if is_showdown else None,
        links=links_to(applications),
        needs={"database": Check(find_fault)} if has_django else {},
        optional_checks={"worker": Check(find_no_worker)} if has_django else {},
        at_start=report_database if has_django else None,
        tasks=background_tasks,
        problem=problem,
        request_id=request_id,
        find_workers_fault=find_workers_fault,
    )


def applications_of(settings: Settings) -> dict[str, Any]:
    """Return Flask, FastAPI and Django by prefix.

    Each is imported when it is mounted, so that one that fails to load does not affect the others.
    """

    def flask() -> Any:
        from flask_app import create_app

        return create_app(settings)

    def fastapi() -> Any:
        from fastapi_app import create_app

        return create_app(settings, servers=["/fastapi", "/flask", "/django"])

    return {"/flask": flask, "/fastapi": fastapi, "/django": "django_app.wsgi:application"}


def links_to(prefixes: Collection[str]) -> dict[str, str]:
    """Return the suggested links whose mount is there."""
    return {
        name: path
        for name, path in LINKS.items()
        if path == "/" or f"/{path.split('/')[1]}" in prefixes
    }


def problem(status: int, detail: str | None, headers: Mapping[str, str] | None) -> Response:
    """Render the gateway's own errors as the contract's problem details."""
    found = Problem(status, detail, headers=headers)
    return Response(found.body, found.status, found.headers, MEDIA_TYPE)


# Django may have failed to load, so the checks import it when they are called, as the login does.


def find_fault() -> str | None:
    """Return what is wrong with the database, or None."""
    set_django_up()
    from django_app import database

    return database.find_fault()


def find_no_worker() -> str | None:
    """Return a warning if no worker runs, or None."""
    set_django_up()
    from django_app import database

    return database.find_no_worker()


def background_tasks() -> dict[str, Watched]:
    """Return FastAPI's reader of events, if FastAPI runs in this process."""
    if "fastapi_app.feed" not in sys.modules:
        return {}
    from fastapi_app.feed import feeds

    # There is one in a gateway; among several, show one that is down.
    tasks = sorted((feed.task for feed in feeds), key=lambda task: task.fault is None)
    return {"event feed": tasks[0]} if tasks else {}


def report_database() -> None:
    """Log a database fault at the start, because every request would meet it."""
    if fault := find_fault():
        logger.error(fault)


app = create_app()

if __name__ == "__main__":
    from framework_gateway.cli.main import main

    main()
