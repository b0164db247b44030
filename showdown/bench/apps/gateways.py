"""The gateway on its own server, as ``gateway serve`` runs it, with and without observation.

``python -m showdown.bench.apps.gateways observed 8000``
"""

import sys
from collections.abc import Awaitable
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from framework_gateway import Gateway
from framework_gateway.cli.serving import listen, run_server
from framework_gateway.observability.access_log import AccessLog, as_json
from framework_gateway.observability.observer import Observer
from framework_gateway.security.headers import SecurityHeaders
from gateway import create_app


def observed() -> Gateway:
    """The gateway as in production: request ids, metrics, and an access log in JSON."""
    app = create_app()
    app.access_log = AccessLog(sys.stdout, as_json)
    return app


class Unobserved:
    """Replace the Observer: add the security headers, but measure and log nothing."""

    def __init__(self, app: ASGIApp, security: SecurityHeaders) -> None:
        self.app = ServerErrorMiddleware(app)
        self.security = security

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                missing = self.security.missing(dict(headers), scope["scheme"])
                message = {**message, "headers": [*headers, *missing]}
            return send(message)

        return self.app(scope, receive, send_with_headers)


def unobserved() -> Gateway:
    """The gateway without request ids, metrics and access log."""
    app = create_app()
    layers: list[Any] = [*app.outer_middleware]
    app.outer_middleware = [
        Middleware(Unobserved, layer.kwargs["security"]) if layer.cls is Observer else layer
        for layer in layers
    ]
    return app


if __name__ == "__main__":
    choose = {"observed": observed, "unobserved": unobserved}[sys.argv[1]]
    run_server(choose(), listen("127.0.0.1", int(sys.argv[2])))
