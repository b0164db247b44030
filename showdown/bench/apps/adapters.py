"""The same Flask and Django applications behind different adapters, for the benchmark.

Each function is a factory for ``uvicorn --factory showdown.bench.apps.adapters:bridge``.
"""

import io
from collections.abc import Callable
from typing import Any

import a2wsgi
from a2wsgi.wsgi import build_environ
from asgiref.wsgi import WsgiToAsgi
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from contract.settings import get_settings
from framework_gateway import Mount, Mounts, WSGIMiddleware, set_switch_interval

Adapter = Callable[[Any], Any]


class Inline:
    """Call the application on the event loop: the lowest cost that an adapter could reach.

    No real server could do this: a request that waits blocks all others.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict[str, Any] = {"type": "http.response.start"}

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            start["status"] = int(status[:3])
            start["headers"] = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ]

        environ = build_environ(scope, io.BytesIO())  # type: ignore[arg-type]
        iterable = self.app(environ, start_response)
        try:
            body = b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
        await send(start)
        await send({"type": "http.response.body", "body": body})


def compose(adapter: Adapter) -> Starlette:
    """Mount Flask and Django through an adapter, in the way the gateway mounts them."""
    from django_app.wsgi import application as django
    from flask_app import create_app

    flask = create_app()
    mounts = [Mount("/flask", adapter(flask)), Mount("/django", adapter(django))]
    return Starlette(middleware=[Middleware(Mounts, mounts)])


def bridge() -> Starlette:
    """This project's bridge, configured as in the gateway."""
    set_switch_interval()
    return compose(lambda app: WSGIMiddleware(app, threads=get_settings().threads))


def stock() -> Starlette:
    """a2wsgi's own middleware, with the same number of threads."""
    return compose(lambda app: a2wsgi.WSGIMiddleware(app, workers=get_settings().threads))


def asgiref() -> Starlette:
    """asgiref's adapter, Django's own."""
    return compose(WsgiToAsgi)


def inline() -> Starlette:
    """No adapter."""
    return compose(Inline)
