"""The gateway: Flask, FastAPI and Django in one process, each under its prefix.

Start it with ``gateway``, ``python gateway.py`` or ``uvicorn gateway:app``.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from bridge import Admission, Mount, Mounts, lengthen_turns, run_lifespans
from bridge.applications import import_application
from bridge.identity import SAFE, session_key
from bridge.traffic.access_log import AccessLog
from bridge.traffic.headers import SecurityHeaders
from bridge.traffic.health import Check, Health
from bridge.traffic.hosts import Hosts
from bridge.traffic.metrics import Metrics
from bridge.traffic.observer import Observer
from bridge.traffic.proxies import Proxies
from contract.access import permissions_for
from contract.problems import MEDIA_TYPE, Problem
from contract.request_id import request_id
from settings import Settings, get_settings
from showdown.guard import Guard
from showdown.site import Site

if TYPE_CHECKING:
    from bridge.traffic.tracing import Tracing

logger = logging.getLogger("uvicorn.error")

HSTS = 365 * 24 * 3600  # seconds
SESSION_COOKIE = "sessionid"  # Django's

ADDRESSES = {
    "Compare": "/",
    "Flask": "/flask/api/users",
    "FastAPI": "/fastapi/api/users",
    "Django": "/django/api/users",
    "Swagger UI": "/fastapi/docs",
    "ReDoc": "/fastapi/redoc",
    "Admin": "/django/admin/",
}

FRAMEWORKS = {"flask", "fastapi", "django"}  # prefixes of the users API

# Asked for by address, where nobody knows a name.
PROBES = ["/health/", "/metrics"]


class Gateway(Starlette):
    """Starlette with layers around all of it, so that its own serve what belongs to no mount alone.

    Attributes:
        layers: ASGI middleware, the outermost first.
    """

    layers: Sequence[Middleware] = ()

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layers around Starlette's own."""
        app = super().build_middleware_stack()
        for cls, args, kwargs in reversed(self.layers):
            app = cls(app, *args, **kwargs)
        return app


def create_app(
    settings: Settings | None = None,
    mounts: Mapping[str, Any] | None = None,
    access_log: AccessLog | None = None,
) -> Gateway:
    """Compose the applications; the settings come from the environment unless given.

    Args:
        mounts: applications by prefix, each an object or an import string; the three when none
            are given.
        access_log: gets a line for each request.
    """
    settings = settings or get_settings()
    lengthen_turns()
    applications = applications_of(settings) if mounts is None else mounts
    mounted = [mount(settings, *item) for item in applications.items()]
    admit = admission(settings, applications)
    metrics = Metrics(mounted)
    tracing = trace_requests(mounted) if settings.traces else None
    health = Health(
        lambda: {mount.path: mount.failure for mount in mounted if mount.failure},
        **checks(applications),
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with run_lifespans(mounted), tracing or nullcontext():
            if "/django" in applications:
                await run_in_threadpool(report_database)
            yield

    app = Gateway(
        routes=[
            Route("/health/live", health.live),
            Route("/health/ready", health.ready),
            Route("/metrics", metrics.show),
            *Site(
                mounted,
                addresses_in(applications),
                settings.max_compare_size,
                guard(settings, admit),
            ).routes,
        ],
        exception_handlers={HTTPException: http_error, Exception: server_error},
        lifespan=lifespan,
    )
    app.layers = [
        Middleware(Proxies, settings.trusted_proxies),
        Middleware(
            Observer,
            request_id=request_id,
            security=SecurityHeaders(hsts=HSTS if settings.env == "production" else 0),
            metrics=metrics,
            refuse=http_error,
            timeout=settings.request_timeout,
            access_log=access_log,
        ),
        *([Middleware(tracing.around)] if tracing else []),
        Middleware(
            Mounts,
            mounted,
            refuse=http_error,
            admit=admit,
            check_host=Hosts(settings.allowed_hosts, exempt=PROBES),
        ),
    ]
    app.router.redirect_slashes = False
    app.state.mounts = mounted
    app.state.stopping = False
    return app


def mount(settings: Settings, prefix: str, application: Any) -> Mount:
    """Hang an application under its prefix, with the limits of the settings."""
    return Mount(
        prefix,
        application,
        max_requests=settings.max_requests,
        max_body_size=settings.max_body_size,
        max_streams=settings.max_streams,
        max_streams_of_client=settings.max_streams_of_client,
        threads=settings.threads,
        queue_size=settings.max_requests,
        grace=settings.graceful_timeout,
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


def admission(settings: Settings, prefixes: Collection[str]) -> Admission | None:
    """Let Django say who sends a request; None where it is not mounted."""
    if "/django" not in prefixes:
        if settings.writes == "authenticated":
            raise SystemExit("GATEWAY_WRITES=authenticated needs Django's login, at /django.")
        return None

    return Admission(
        later("django_app.authentication:user_of_session"),
        later("django_app.authentication:user_of_token"),
        later("django_app.authentication:is_forged"),
        cookie=SESSION_COOKIE,
        needs=permissions_below if settings.writes == "authenticated" else None,
        # The admin checks each form itself, and webhooks are signed.
        exempt=["/django/admin/", "/flask/webhooks/"],
    )


def guard(settings: Settings, admit: Admission | None) -> Guard:
    """Let Django say who may use the pages that send requests, and with whose session."""
    is_forged = later("django_app.authentication:is_forged")

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
        is_staff = await later("django_app.staff:is_staff")(name)
    except Exception as error:  # whatever Django raises: its database may be away
        logger.exception("Staff lookup failed")
        raise HTTPException(503, headers={"Retry-After": "1"}) from error
    if not is_staff:
        raise HTTPException(403, "This is for staff.")


def permissions_below(method: str, path: str) -> Sequence[str] | None:
    """Return what a request needs: below the frameworks a permission, elsewhere a login to write.

    Args:
        path: with the prefix of the mount.
    """
    prefix, _, rest = path[1:].partition("/")
    if prefix in FRAMEWORKS:
        return permissions_for(method, rest)
    return None if method in SAFE else ()


def addresses_in(prefixes: Collection[str]) -> dict[str, str]:
    """Return where to look first, of what is mounted."""
    return {
        name: path
        for name, path in ADDRESSES.items()
        if path == "/" or f"/{path.split('/')[1]}" in prefixes
    }


def checks(prefixes: Collection[str]) -> dict[str, dict[str, Check]]:
    """Return what readiness needs besides the mounts, and what it only warns of."""
    if "/django" not in prefixes:
        return {"needs": {}, "wishes": {}}

    return {
        "needs": {"database": Check(later("django_app.database:find_fault"))},
        "wishes": {"worker": Check(later("django_app.database:find_no_worker"))},
    }


def later(name: str) -> Callable[..., Any]:
    """Return a function that is imported when it is called.

    Django may have failed to load, and the other two serve all the same.

    Args:
        name: as in ``package.module:function``.
    """

    def call(*arguments: Any) -> Any:
        return import_application(name)(*arguments)

    return call


def trace_requests(mounts: Sequence[Mount]) -> "Tracing":
    """Make spans of the requests, and of each mount's part in them.

    Raises:
        SystemExit: OpenTelemetry's packages are not installed.
    """
    try:
        from bridge.traffic.tracing import Tracing
    except ImportError:
        raise SystemExit(
            "GATEWAY_TRACES: needs the extra, pip install 'framework-gateway[otel]'"
        ) from None
    tracing = Tracing()
    for mount in mounts:
        mount.app = tracing.around(mount.app, mount.path.strip("/"))
    return tracing


def report_database() -> None:
    """Say at the start what every request would meet."""
    if fault := later("django_app.database:find_fault")():
        logger.error(fault)


def problem_response(problem: Problem) -> Response:
    """Render the gateway's own errors in the shape of the three."""
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)


def refuse(status: int) -> Response:
    """Render what the server itself refuses, before there is a request."""
    return problem_response(Problem(status))


async def http_error(_request: HTTPConnection, error: Exception) -> Response:
    """Answer what the gateway itself refuses: unknown paths, bad requests, too many of them."""
    assert isinstance(error, HTTPException)
    detail = error.detail if error.status_code in (400, 403) else None
    return problem_response(Problem(error.status_code, detail, headers=error.headers))


async def server_error(_request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette raises the error again, so that the server logs it."""
    return problem_response(Problem(500))


def __getattr__(name: str) -> Any:
    """Compose ``app`` when a server asks for it; `gateway serve --only-mounts` never does."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app


if __name__ == "__main__":
    later("commands:main")()  # the command imports this module
