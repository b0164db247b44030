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
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.process_state import ProcessState
from framework_gateway.mounts.starting import run_lifespans
from framework_gateway.observability import logs
from framework_gateway.observability.request_id import request_id
from framework_gateway.security.identity import User
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
OWN = (b"x-forwarded-", b"gateway-", b"forwarded")  # beginnings of names of the gateway's headers
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Child:
    """The ASGI application of the server: one mount, with the scope that the gateway describes.

    Args:
        mount: gets each request, except the gateway's checks.
    """

    def __init__(self, mount: Mount) -> None:
        self.mount = mount
        self.lifespan = Starlette(lifespan=self._run)

    @asynccontextmanager
    async def _run(self, _app: Starlette) -> AsyncIterator[None]:
        async with run_lifespans([self.mount]):
            if self.mount.failure:
                raise RuntimeError(self.mount.failure)
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.lifespan(scope, receive, send)
        own = take_own_headers(scope)
        if b"gateway-check" in own:
            return await Response(status_code=204)(scope, receive, send)
        describe_client(scope, own)
        try:
            await self.mount.serve(scope, receive, send)
        except HTTPException as error:
            response = PlainTextResponse(error.detail, error.status_code, error.headers)
            await response(scope, receive, send)


def take_own_headers(scope: Scope) -> dict[bytes, str]:
    """Remove the gateway's own headers from a scope, and return them."""
    own: dict[bytes, str] = {}
    kept = []
    for header in scope["headers"]:
        if header[0].startswith(OWN):
            own[header[0]] = header[1].decode()
        else:
            kept.append(header)
    scope["headers"] = kept
    return own


def describe_client(scope: Scope, own: dict[bytes, str]) -> None:
    """Put what the gateway's headers say into a scope, and the request id into the log."""
    host = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-request-id":
            request_id.set(value.decode("latin-1"))
    prefix = own.get(b"x-forwarded-prefix", "")
    scope["root_path"] = prefix
    scope["path"] = prefix + scope["path"]
    scope["raw_path"] = quote(prefix).encode() + scope["raw_path"]
    if address := own.get(b"x-forwarded-for"):
        scope["client"] = address, 0
    if own.get(b"x-forwarded-proto") == "https":
        scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
    scope["server"] = server_of(host, scope["scheme"])
    if b"gateway-user" in own:
        scope["user"] = User(unquote(own[b"gateway-user"]))


@lru_cache
def server_of(host: bytes, scheme: str) -> tuple[str, int]:
    """Return the host and port that the client has asked; a socket's path is no SERVER_NAME."""
    found = urlsplit("//" + host.decode("latin-1"))
    try:
        return found.hostname or "localhost", found.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return "localhost", DEFAULT_PORTS[scheme]


def config_for(mount: Mount) -> Config:
    """Return the configuration of the server."""
    return Config(
        Child(mount),
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
