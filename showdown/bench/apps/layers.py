"""Measure in this process what each layer costs, and print it as JSON.

``python -m showdown.bench.apps.layers 1.0`` measures each case for a second of CPU time, in slices
that alternate with those of the other cases.
"""

import io
import json
import sys
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount as StarletteMount
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.settings import get_settings
from framework_gateway import Gateway, Mount, Mounts, WSGIMiddleware, set_switch_interval
from framework_gateway.mounts.routing import render_as_text
from framework_gateway.observability.access_log import AccessLog, as_json
from framework_gateway.observability.metrics import Metrics
from framework_gateway.observability.observed import FinishedRequest
from framework_gateway.observability.observer import Observer
from framework_gateway.observability.request_id import request_id
from framework_gateway.security.headers import SecurityHeaders
from framework_gateway.security.hosts import Hosts
from framework_gateway.security.proxies import Proxies
from showdown.bench.apps.adapters import Inline
from showdown.bench.apps.in_process import GREETING, Case

SLICES = 5
HOSTS = ["127.0.0.1"]


class Discarded(io.StringIO):
    """A stream that keeps nothing, because the reader of the access log is another process."""

    def write(self, text: str) -> int:
        return len(text)


class Uncounted(Metrics):
    """Metrics that count nothing."""

    def __init__(self) -> None:
        """Have no registry."""

    def count(self, requests: Iterable[FinishedRequest]) -> None:
        """Count nothing."""

    def update(self, lag: float, in_flight: int) -> None:
        """Show nothing."""


class AtPrefix:
    """Serves an application under a prefix, without a router; a prefix of "" removes it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if not self.prefix:
            scope["path"] = GREETING
        scope["root_path"] = self.prefix
        return self.app(scope, receive, send)


async def empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer at once, to show what the measurement itself costs."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def observed(mount: Mount, metrics: Metrics, access_log: AccessLog | None = None) -> Observer:
    """Return a mount behind the Observer, which works in batches as under a server."""
    return Observer(
        Mounts(Starlette(), [mount], check_host=Hosts(HOSTS)),
        request_id=request_id,
        security=SecurityHeaders(),
        metrics=metrics,
        refuse=render_as_text,
        timeout=60.0,
        access_log=access_log,
    )


def fastapi_cases() -> Iterator[tuple[str, ASGIApp]]:
    """Yield FastAPI alone, and with one more of the gateway's layers each time."""
    from fastapi_app import create_app

    prefix, app = "/fastapi", create_app()
    mount = Mount(prefix, app).load()
    metrics = Metrics([mount])
    access_log = AccessLog(Discarded(), as_json)
    yield "measurement itself", empty
    yield "FastAPI alone", AtPrefix(app, "")
    yield "FastAPI behind Starlette's Mount", Starlette(routes=[StarletteMount(prefix, app)])
    yield "FastAPI with a root path", AtPrefix(app, prefix)
    yield "+ limits of the mount", AtPrefix(mount.serve, prefix)
    yield "+ routing, checks of headers", Mounts(Starlette(), [mount])
    yield "+ hosts", Mounts(Starlette(), [mount], check_host=Hosts(HOSTS))
    yield "+ id, timeout, response headers", observed(mount, Uncounted())
    yield "+ metrics", observed(mount, metrics)
    yield "+ access line", observed(mount, metrics, access_log)
    yield "+ forwarded headers", Proxies(observed(mount, metrics, access_log), HOSTS)
    yield "FastAPI in the gateway", gateway(prefix, app)


def wsgi_cases(name: str, prefix: str, app: Any) -> Iterator[tuple[str, ASGIApp]]:
    """Yield a WSGI application called inline, through the bridge, and in the gateway."""
    threads = get_settings().threads
    yield f"{name}, called inline", AtPrefix(Inline(app), prefix)
    yield f"{name} through the bridge", AtPrefix(WSGIMiddleware(app, threads=threads), prefix)
    yield f"{name} in the gateway", gateway(prefix, app)


def gateway(prefix: str, app: Any) -> Gateway:
    """Return a gateway with one application and an access log."""
    found = Gateway({prefix: app})
    found.access_log = AccessLog(Discarded(), as_json)
    return found


def is_observed(app: ASGIApp) -> bool:
    """Return whether the Observer works in batches, which needs the application's lifespan."""
    return isinstance(app, Gateway | Observer | Proxies)


def all_cases() -> Iterator[Case]:
    """Yield all cases."""
    from django_app.wsgi import application
    from flask_app import create_app

    for name, app in fastapi_cases():
        yield Case(name, app, "/fastapi", is_observed(app))
    for name, app in wsgi_cases("Flask", "/flask", create_app()):
        yield Case(name, app, "/flask", is_observed(app))
    for name, app in wsgi_cases("Django", "/django", application):
        yield Case(name, app, "/django", is_observed(app))


def measure_all(seconds: float) -> dict[str, float]:
    """Return by case the CPU time of a request, in microseconds."""
    set_switch_interval()  # as the gateway does, for all
    with ExitStack() as stack:
        cases = [stack.enter_context(case) for case in all_cases()]
        for _ in range(SLICES):
            for case in cases:
                case.measure(seconds / SLICES)
        return {case.name: case.seconds / case.requests * 1e6 for case in cases}


if __name__ == "__main__":
    print(json.dumps(measure_all(float(sys.argv[1]))))
