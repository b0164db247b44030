"""The gateway: Flask, FastAPI and Django in one process, each under its prefix.

Start it with ``gateway``, ``python gateway.py`` or ``uvicorn gateway:app``.
"""

import logging
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import click
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from bridge import Admission, Mount, Mounts, lengthen_turns, run_lifespans
from settings import Settings, get_settings
from showdown.bench.command import bench
from showdown.claims.command import claims
from showdown.command import compare
from showdown.site import Site
from users.problems import MEDIA_TYPE, Problem

logger = logging.getLogger("uvicorn.error")

ADDRESSES = {
    "Compare": "/",
    "Flask": "/flask/api/users",
    "FastAPI": "/fastapi/api/users",
    "Django": "/django/api/users",
    "Swagger UI": "/fastapi/docs",
    "ReDoc": "/fastapi/redoc",
    "Admin": "/django/admin/",
}


def create_app(
    settings: Settings | None = None, mounts: Mapping[str, Any] | None = None
) -> Starlette:
    """Compose the applications; the settings come from the environment unless given.

    Args:
        mounts: applications by prefix, each an object or an import string; the three when none
            are given.
    """
    settings = settings or get_settings()
    lengthen_turns()
    applications = applications_of(settings) if mounts is None else mounts
    mounted = [
        Mount(prefix, application, threads=settings.threads, max_body_size=settings.max_body_size)
        for prefix, application in applications.items()
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with run_lifespans(mounted):
            if "/django" in applications:
                await run_in_threadpool(report_database)
            yield

    async def ready(_request: Request) -> JSONResponse:
        failures = {mount.path: mount.failure for mount in mounted if mount.failure}
        document = {"ready": not failures, "failures": failures}
        return JSONResponse(document, 503 if failures else 200)

    app = Starlette(
        routes=[
            Route("/health/ready", ready),
            *Site(mounted, addresses_in(applications), settings.max_body_size).routes,
        ],
        middleware=[Middleware(Mounts, mounted, http_error, admission(settings, applications))],
        exception_handlers={HTTPException: http_error, Exception: server_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.mounts = mounted
    return app


def applications_of(settings: Settings) -> dict[str, Any]:
    """Return the three; each is imported when it is mounted, so that a broken one stays alone."""

    def flask() -> Any:
        from flask_app import create_app

        return create_app(settings)

    def fastapi() -> Any:
        from fastapi_app import create_app

        return create_app(settings, servers=["/fastapi", "/flask", "/django"])

    return {"/flask": flask, "/fastapi": fastapi, "/django": "django_app.wsgi:application"}


def admission(settings: Settings, prefixes: Collection[str]) -> Admission | None:
    """Let Django say who sends a request; None where it is not mounted."""
    if "/django" not in prefixes:
        if settings.writes == "authenticated":
            raise SystemExit("GATEWAY_WRITES=authenticated needs Django's login, at /django.")
        return None

    # Imported when asked: Django may have failed to load, and the other two serve all the same.
    async def session(key: str) -> str | None:
        from django_app.authentication import user_of_session

        return await user_of_session(key)

    async def token(value: str) -> str | None:
        from django_app.authentication import user_of_token

        return await user_of_token(value)

    def is_forged(scope: Scope) -> bool:
        from django_app.authentication import is_forged

        return is_forged(scope)

    return Admission(
        session,
        token,
        is_forged,
        cookie="sessionid",
        writes=settings.writes == "authenticated",
        # The admin checks each form itself, and webhooks are signed.
        exempt=["/django/admin/", "/flask/webhooks/"],
    )


def addresses_in(prefixes: Collection[str]) -> dict[str, str]:
    """Return where to look first, of what is mounted."""
    return {
        name: path
        for name, path in ADDRESSES.items()
        if path == "/" or f"/{path.split('/')[1]}" in prefixes
    }


def report_database() -> None:
    """Say at the start what every request would meet."""
    from django_app.database import find_fault

    if fault := find_fault():
        logger.error(fault)


def problem_response(problem: Problem) -> Response:
    """Render the gateway's own errors in the shape of the three."""
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)


async def http_error(_request: HTTPConnection, error: Exception) -> Response:
    """Answer what the gateway itself refuses: unknown paths, bad requests, too many of them."""
    assert isinstance(error, HTTPException)
    detail = error.detail if error.status_code in (400, 403) else None
    return problem_response(Problem(error.status_code, detail, headers=error.headers))


async def server_error(_request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette raises the error again, so that the server logs it."""
    return problem_response(Problem(500))


class OwnMount(click.ParamType[tuple[str, str]]):
    """``/prefix=package.module:attribute``."""

    name = "mount"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        prefix, equals, application = value.partition("=")
        if (
            not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", prefix)
            or not equals
            or not application
        ):
            self.fail(f"{value!r} is not of the form /prefix=package.module:attribute", param, ctx)
        return prefix, application


def __getattr__(name: str) -> Any:
    """Compose ``app`` when a server asks for it; `gateway serve --only-mounts` never does."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app


class ServeByDefault(click.Group):
    """``gateway --port 8001`` is ``gateway serve --port 8001``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ServeByDefault)
@click.pass_context
def main(context: click.Context) -> None:
    """Flask, FastAPI and Django, side by side."""
    context.obj = create_app


@main.command()
@click.option("--host", default=get_settings().host, show_default=True, help="Address.")
@click.option("--port", default=get_settings().port, show_default=True, help="0: a free port.")
@click.option(
    "--mount",
    "own",
    multiple=True,
    type=OwnMount(),
    metavar="/PREFIX=MODULE:APP",
    help="Mount an application of your own, WSGI or ASGI; repeatable.",
)
@click.option("--only-mounts", is_flag=True, help="Serve your own applications alone.")
def serve(host: str, port: int, own: tuple[tuple[str, str], ...], only_mounts: bool) -> None:
    """Serve the three, your own applications beside them, or those alone."""
    settings = get_settings()
    sys.path.insert(0, "")  # modules of the directory where the command was given
    applications = {} if only_mounts else applications_of(settings)
    for prefix, name in own:
        if prefix in applications:
            raise click.BadParameter(f"{prefix} is taken", param_hint="--mount")
        applications[prefix] = name
    if not applications:
        raise click.UsageError("--only-mounts needs a --mount")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({reason}); choose another with --port."
        ) from error
    shown = f"[{host}]" if ":" in host else host
    origin = f"http://{shown}:{listener.getsockname()[1]}"
    for name, path in {
        **addresses_in(applications),
        **{name: f"{prefix}/" for prefix, name in own},
    }.items():
        click.echo(f"{name:<11}{origin}{path}" if len(name) < 11 else f"{name} {origin}{path}")
    config = uvicorn.Config(
        create_app(settings, applications),
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nobody is trusted to speak for another address
        server_header=False,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    server = uvicorn.Server(config)
    # uvicorn raises Ctrl-C again once it has stopped in good order.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(3)  # as uvicorn's own command does; the log says why


for command in (compare, bench, claims):
    main.add_command(command)

if __name__ == "__main__":
    main()
