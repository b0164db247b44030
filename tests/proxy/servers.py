"""A gateway in a thread of the test process, and upstream servers that say what a test wants."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from framework_gateway import Gateway, Mount
from framework_gateway.config import get_config
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Config
from framework_gateway.server.server import Server
from tests.attack.client import Target
from tests.wsgi.clients import Answer, head, read_answer
from tests.wsgi.server import PATIENCE, wait_until

T = TypeVar("T")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Request:
    """A request as an upstream has received it."""

    head: bytes
    body: bytes = b""

    @property
    def first(self) -> bytes:
        return self.head.split(b"\r\n")[0]

    def all(self, name: bytes) -> list[bytes]:
        """Return the values of a header."""
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [value.strip() for key, _, value in lines if key.lower() == name.lower()]


Script = Callable[[socket.socket, Request], bytes | None]


@dataclass
class Scripted:
    """A server whose handler writes raw bytes.

    Attributes:
        answer: returns the bytes of a response, or None to end the connection.
        requests: all received requests.
        connections: the number of accepted connections.
        closed: the number of connections that the other side has ended.
    """

    answer: Script
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection, suppress(OSError):
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    if not (data := connection.recv(65536)):
                        self.closed += 1
                        return
                    received += data
                head, _, received = received.partition(b"\r\n\r\n")
                request = Request(head)
                request.body, received = read_body(connection, request, received)
                self.requests.append(request)
                answer = self.answer(connection, request)
                if answer is None:
                    return
                connection.sendall(answer)


def read_body(connection: socket.socket, request: Request, received: bytes) -> tuple[bytes, bytes]:
    """Read a body of known length, or in chunks; return it, and what follows.

    The handler itself reads a body after ``Expect``, or of a request with ``X-Unread``.
    """
    if request.all(b"expect") or request.all(b"x-unread"):
        return received, b""
    is_chunked = bool(request.all(b"transfer-encoding"))
    length = int((request.all(b"content-length") or [b"0"])[0])
    while not received.endswith(b"0\r\n\r\n") if is_chunked else len(received) < length:
        if not (data := connection.recv(65536)):
            raise ConnectionResetError
        received += data
    if is_chunked:
        return received, b""
    return received[:length], received[length:]


@contextmanager
def scripted(
    answer: Script | bytes = OK, *, path: Path | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    """Run a scripted server until the block ends.

    Args:
        answer: the handler, or what each request is answered with.
        path: of a Unix socket, in place of TCP.
        tls: encrypts the connections.
    """
    script = (lambda _connection, _request: answer) if isinstance(answer, bytes) else answer
    server = Scripted(script)
    with ExitStack() as stack:
        if path is None:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            server.port = listener.getsockname()[1]
        else:
            listener = stack.enter_context(socket.create_server(str(path), family=socket.AF_UNIX))
        thread = threading.Thread(target=accept, args=[server, listener, tls], daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def accept(server: Scripted, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Serve each connection in a thread of its own, until the listener is shut down."""
    while True:
        try:
            connection, _ = listener.accept()
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
        except ssl.SSLError:
            continue
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=server.serve, args=[connection], daemon=True).start()


class Running:
    """A gateway that serves.

    Attributes:
        target: sends requests to it.
    """

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.port = port
        self.target = Target(port)

    def upstream(self, prefix: str = "/old") -> Upstream:
        """The application of a mount at another address."""
        found = self.gateway.planned[prefix].application
        assert isinstance(found, Upstream)
        return found

    def get(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Send a request on a new connection, and read the response."""
        with self.open(path, *headers, method=method, body=body) as connection:
            return read_answer(connection, method)

    def open(
        self, path: str, *headers: str, method: str = "GET", body: bytes = b""
    ) -> socket.socket:
        """Send a request on a new connection, without reading the response."""
        connection = self.target.connect()
        connection.sendall(head(path, *headers, method=method, host="example.com") + body)
        return connection

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the event loop of the gateway, and wait for it."""

        async def run() -> None:
            function(*arguments)

        self.start(run()).result(PATIENCE)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine in the event loop of the gateway."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.upstream().loop)

    def is_idle(self, prefix: str = "/old") -> bool:
        """Whether no request is open."""
        return not self.upstream(prefix).exchanges and not self.gateway.planned[prefix].open


@contextmanager
def gateway(
    mounts: Mapping[str, Any] | Sequence[Mount],
    limits: Limits | None = None,
    admit: Any = None,
    loop: str = "auto",
    **settings: Any,
) -> Iterator[Running]:
    """Serve a gateway until the block ends.

    Args:
        mounts: as for ``Gateway``.
        limits: of each connection.
        admit: authenticates requests.
        loop: the kind of event loop, as for uvicorn.
        settings: of the gateway.
    """
    settings.setdefault("allowed_hosts", ["*"])
    app = Gateway(mounts, config=get_config().model_copy(update=settings), admit=admit)
    config = Config(
        app,
        limits=limits,
        refuse=app.refuse,
        loop=loop,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        ws_max_size=2**20,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield Running(app, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
    assert not thread.is_alive()


@contextmanager
def proxied(answer: Script | bytes = OK, **options: Any) -> Iterator[tuple[Running, Scripted]]:
    """Serve a gateway whose mount at ``/old`` is a scripted server.

    Args:
        answer: as for ``scripted``.
        options: of the mount.
    """
    with scripted(answer) as server, gateway([Mount("/old", server.address, **options)]) as running:
        yield running, server
