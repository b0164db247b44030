"""Serve one application on a Unix socket, for a gateway that has started this process.

The server and the bridge are those of the gateway, so an application answers as in the process of
the gateway. The arguments are the label of the mount and a JSON object with ``application``,
``socket``, ``check`` (whether to import the application and no more), ``path`` (``sys.path``, by
default Python's own) and options of the mount.

Only the gateway can open the socket, so its headers say who the client is, who is logged in, and
which prefix it has removed from the path.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.process_state import ProcessState
from framework_gateway.mounts.routing import Mounts
from framework_gateway.mounts.starting import run_lifespans
from framework_gateway.observability import logs
from framework_gateway.observability.request_id import request_id
from framework_gateway.security.identity import User
from framework_gateway.security.proxies import Proxies
from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Config
from framework_gateway.server.server import EXIT_THREADS_RUNNING, Server
from framework_gateway.server.workers import EXIT_NOT_STARTED
from framework_gateway.wsgi.threads import threads_left_running

BACKLOG = 2048
FOREVER = 10.0**9  # seconds, and messages a second: the gateway has the limits
LARGE = 2**30  # bytes
LIMITS = Limits(
    max_head_size=1024 * 1024,
    max_headers=10_000,
    max_connections=LARGE,
    head_timeout=FOREVER,
    body_timeout=FOREVER,
    send_timeout=FOREVER,
    socket_rate=FOREVER,
)
USER = b"gateway-user"
CHECK = b"gateway-check"
REQUEST_ID = b"x-request-id"


class GatewayHeaders:
    """Middleware that reads the gateway's own headers, and answers its checks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        own = {name: value for name, value in scope["headers"] if name in (USER, CHECK, REQUEST_ID)}
        if CHECK in own:
            return await Response(status_code=204)(scope, receive, send)
        scope["server"] = server_of(scope)
        request_id.set(own.get(REQUEST_ID, b"").decode("latin-1"))
        if USER in own:
            scope["headers"] = [header for header in scope["headers"] if header[0] != USER]
            scope["user"] = User(unquote(own[USER].decode("latin-1")))
        await self.app(scope, receive, send)


def server_of(scope: Scope) -> tuple[str, int]:
    """Return the host and port that the client has asked; a socket's path is no SERVER_NAME."""
    default = 443 if scope["scheme"] in ("https", "wss") else 80
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    found = urlsplit("//" + host.decode("latin-1"))
    try:
        return found.hostname or "localhost", found.port or default
    except ValueError:
        return "localhost", default


def build(mount: Mount) -> ASGIApp:
    """Return an application with one mount, which gets each request."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with run_lifespans([mount]):
            if mount.failure:
                raise RuntimeError(mount.failure)
            yield

    return Proxies(GatewayHeaders(Mounts(Starlette(lifespan=lifespan), [mount])), ["*"])


def config_for(mount: Mount) -> Config:
    """Return the configuration of the server."""
    return Config(
        build(mount),
        limits=LIMITS,
        log_config=None,
        log_level="error",
        access_log=False,
        lifespan="on",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(FOREVER),
        ws_max_size=LARGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=int(mount.options.grace),
    )


def serve(mount: Mount, path: str) -> int:
    """Serve a mount until the process is stopped; return the exit status.

    Args:
        mount: the mount.
        path: of the Unix socket. The server listens when the application has started.
    """

    def load(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        loop = make_loop()
        asyncio.set_event_loop(loop)
        if mount.load().failure:
            sys.exit(mount.failure)
        return loop

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    server = Server(config_for(mount), on_load=load)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(mount.failure or EXIT_NOT_STARTED)
    return EXIT_THREADS_RUNNING if threads_left_running else 0


def main(label: str, order: dict[str, Any]) -> int:
    """Serve the application that a gateway asks for; return the exit status."""
    logs.configure_child()
    sys.path[:] = order.pop("path", sys.path)
    path, check = order.pop("socket"), order.pop("check")
    mount = Mount("", order.pop("application"), target=label, redirect=False, **order)
    # What it changes for its process, it changes for nobody else.
    mount.process_state = ProcessState(label, lambda _text: None)
    if check:
        sys.exit(mount.load().failure)
    return serve(mount, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
