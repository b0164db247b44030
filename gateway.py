"""The gateway: Flask, FastAPI and Django in one process, each under its prefix.

Start it with ``gateway``, ``python gateway.py`` or ``uvicorn gateway:app``.
"""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import uvicorn
from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

import fastapi_app
import flask_app
from django_app.database import find_fault
from django_app.wsgi import application as django
from settings import Settings, get_settings
from users.problems import MEDIA_TYPE, Problem

logger = logging.getLogger("uvicorn.error")

ADDRESSES = {
    "Flask": "/flask/api/users",
    "FastAPI": "/fastapi/api/users",
    "Django": "/django/api/users",
    "Swagger UI": "/fastapi/docs",
    "ReDoc": "/fastapi/redoc",
    "Admin": "/django/admin/",
}


def create_app(settings: Settings | None = None) -> Starlette:
    """Compose the three applications; the settings come from the environment unless given."""
    settings = settings or get_settings()
    flask = flask_app.create_app(settings)
    fastapi = fastapi_app.create_app(settings, servers=["/fastapi", "/flask", "/django"])

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # Starlette does not run the lifespan of a mounted application.
        async with fastapi.router.lifespan_context(fastapi):
            if fault := await run_in_threadpool(find_fault):
                logger.error(fault)
            yield

    app = Starlette(
        routes=[
            Route("/", RedirectResponse("/fastapi/docs")),
            Mount("/flask", wsgi(flask, settings)),
            Mount("/fastapi", fastapi),
            Mount("/django", wsgi(django, settings)),
        ],
        exception_handlers={HTTPException: http_error, Exception: server_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def wsgi(application: Any, settings: Settings) -> Any:
    """Hang a WSGI application into the gateway, with threads of its own."""
    # a2wsgi's stricter types for WSGI and ASGI fit neither Starlette's nor the frameworks' own.
    return WSGIMiddleware(application, workers=settings.threads)


def problem_response(problem: Problem) -> Response:
    """Render the gateway's own errors in the shape of the three."""
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)


async def http_error(_request: Request, error: Exception) -> Response:
    """Answer a path outside the mounts."""
    assert isinstance(error, HTTPException)
    return problem_response(Problem(error.status_code))


async def server_error(_request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette raises the error again, so that the server logs it."""
    return problem_response(Problem(500))


app = create_app()


@click.command()
@click.option("--host", default=get_settings().host, show_default=True, help="Address.")
@click.option("--port", default=get_settings().port, show_default=True, help="0: a free port.")
def main(host: str, port: int) -> None:
    """Serve Flask, FastAPI and Django side by side."""
    try:
        listener = socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another with --port."
        ) from error
    origin = f"http://{host}:{listener.getsockname()[1]}"
    for name, path in ADDRESSES.items():
        click.echo(f"{name:<11}{origin}{path}")
    config = uvicorn.Config(
        app,
        log_level="warning",
        proxy_headers=False,  # nobody is trusted to speak for another address
        server_header=False,
        timeout_graceful_shutdown=get_settings().graceful_timeout,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
