"""A real server in a thread of the test process, and waiting for what it does."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

import framework_gateway
from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Config
from framework_gateway.server.server import Server
from framework_gateway.wsgi.threads import Gauges
from tests.wsgi.clients import Answer, head, read_answer
from tests.wsgi.responses import Environ, StartResponse, WSGIApp, hello

SOON = (
    5  # seconds; a thread should be free one second after the next chunk, but machines can be busy
)
PATIENCE = 20  # seconds; only a failing test waits that long


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Poll until a condition holds; return the seconds it took, or fail if it never does."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, "it did not happen in time"
        # The pause between two polls.
        time.sleep(0.005)
    return time.monotonic() - start


def is_listening(port: int) -> bool:
    """Return whether the port accepts a connection; during a stop it gets no response."""
    with socket.socket() as connection:
        connection.settimeout(0.2)
        return connection.connect_ex(("127.0.0.1", port)) == 0


class Served:
    """A running server with a WSGI application at ``/app``."""

    def __init__(self, server: Server, port: int, mounts: list[framework_gateway.Mount]) -> None:
        self.server = server
        self.port = port
        self.mounts = {mount.path: mount for mount in mounts}
        self.app: WSGIApp = hello

    def gauges(self, path: str = "/app") -> Gauges:
        middleware = self.mounts[path].app
        assert isinstance(middleware, framework_gateway.WSGIMiddleware)
        return middleware.gauges

    def is_idle(self, path: str = "/app") -> bool:
        """Whether no mount has a request, queued or running."""
        gauges = self.gauges(path)
        return gauges.busy == gauges.queued == 0

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """Open a connection; its receive buffer is small, so that stalls are noticed soon."""
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def open(
        self, path: str = "/app/", *headers: str, body: bytes = b"", method: str = "GET"
    ) -> socket.socket:
        """Send a request on a new connection, without reading the response."""
        connection = self.connect()
        connection.sendall(head(path, *headers, method=method) + body)
        return connection

    def get(
        self, path: str = "/app/", *headers: str, body: bytes = b"", method: str = "GET"
    ) -> Answer:
        """Send a request and read the response."""
        with self.open(path, *headers, body=body, method=method) as connection:
            return read_answer(connection, method)

    def run(self, app: WSGIApp, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Mount another application in place of the current one, and send it one request."""
        self.app = app
        return self.get("/app/", *headers, method=method, body=body)

    def dispatch(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)


@contextmanager
def serve(
    app: WSGIApp | None = None,
    *,
    others: Mapping[str, Any] | None = None,
    middleware: list[Middleware] | None = None,
    root_path: str = "",
    limits: Limits | None = None,
    outermost: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **options: Any,
) -> Iterator[Served]:
    """Serve an application at ``/app`` until the block ends.

    Args:
        app: None if ``Served.run`` sets the application.
        others: more applications, by prefix.
        middleware: ASGI middleware around the mounts.
        root_path: an outer prefix.
        limits: of each connection.
        outermost: middleware around everything else, with the server's own ``send``.
        options: arguments for WSGIMiddleware.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    holder: list[Served] = []

    def dispatch(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return holder[0].dispatch(environ, start_response)

    options.setdefault("redirect", False)
    mounts = [
        framework_gateway.Mount(path, other, **options)
        for path, other in {"/app": app or dispatch, **(others or {})}.items()
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with framework_gateway.run_lifespans(mounts):
            yield

    config = Config(
        outermost(Starlette(routes=mounts, middleware=middleware, lifespan=lifespan)),
        limits=limits,
        log_config=None,
        log_level="critical",
        access_log=False,  # like `gateway serve`
        lifespan="on",
        root_path=root_path,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started
        holder.append(Served(server, listener.getsockname()[1], mounts))
        yield holder[0]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
    assert not thread.is_alive()
