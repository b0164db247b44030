"""Nothing that a client sends becomes another request to the upstream (RFC 9112, 11.2).

The corpus of tests/attack goes through the gateway to a server that parses with h11, which is not
the gateway's own parser. It must find no fault in what it receives, and execute nothing that is
inside a body.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import h11
import pytest

from tests.attack.client import Target
from tests.attack.delivery import deliver
from tests.attack.echo import MESSAGE, describe
from tests.attack.verdicts import judge, write_attacks
from tests.databases import free_port
from tests.servers import serve
from tests.wsgi.server import PATIENCE

# Each piece waits for the one before it, and there are many.
PATIENT = {"GATEWAY_HEAD_TIMEOUT": "600", "GATEWAY_BODY_TIMEOUT": "600"}


class Echo:
    """A server that answers with what it has received.

    Attributes:
        executed: the numbers of hidden requests that were received as requests.
        faults: what h11 says about requests that are not valid.
        framings: the headers that framed a body.
    """

    def __init__(self) -> None:
        self.executed: list[str] = []
        self.faults: list[str] = []
        self.framings: set[tuple[bytes, ...]] = set()

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection until it ends."""
        with connection, suppress(ConnectionError, TimeoutError):
            connection.settimeout(PATIENCE)
            parser = h11.Connection(h11.SERVER)
            while self.answer(connection, parser):
                parser.start_next_cycle()

    def answer(self, connection: socket.socket, parser: h11.Connection) -> bool:
        """Answer one request; return whether another may follow."""
        body = b""
        request: h11.Request | None = None
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                if parser.trailing_data[1] is False:
                    self.faults.append(f"{error}: {request}")
                return False
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    interim = h11.InformationalResponse(status_code=100, headers=[])
                    connection.sendall(parser.send(interim) or b"")
                parser.receive_data(connection.recv(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return self.send(connection, parser, request, body)
            else:
                return False

    def send(
        self, connection: socket.socket, parser: h11.Connection, request: h11.Request, body: bytes
    ) -> bool:
        """Send the description of a request."""
        path, _, query = request.target.decode().partition("?")
        names = [name for name, _ in request.headers]
        self.framings.add(
            tuple(name for name in names if name in (b"content-length", b"transfer-encoding"))
        )
        if path.endswith("/hidden"):
            self.executed.append(query)
        received = describe(request.method.decode(), path, query, body)
        headers, status = [("Content-Type", "text/plain"), ("Received", received)], 200
        if b"upgrade" in names:
            headers, status = [], 403  # it has no WebSockets
        events: list[h11.Event] = [h11.Response(status_code=status, headers=headers)]
        if request.method != b"HEAD":
            events += [h11.Data(data=MESSAGE)] * 2
        events.append(h11.EndOfMessage())
        connection.sendall(b"".join(parser.send(event) or b"" for event in events))
        return parser.our_state is h11.DONE and parser.their_state is h11.DONE


@contextmanager
def echoing() -> Iterator[tuple[Echo, int]]:
    """Run an Echo until the block ends; yield it and its port."""
    echo = Echo()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=echo.serve, args=[connection], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield echo, listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def test_each_request_of_the_corpus_reaches_the_upstream_once_or_not_at_all() -> None:
    target = Target(free_port())
    with echoing() as (echo, port):
        mount = ("--mount", f"/asgi=http://127.0.0.1:{port}")
        command = ("gateway", "serve", "--only-mounts", "--port", target.port, *mount)
        with serve(*command, origin=target.origin, path="/health/live", env=PATIENT) as process:
            attacks = write_attacks("asgi", at_each_line=True)
            deliver([attack.delivery for attack in attacks], target.port)
            assert "Traceback" not in process.output
    faults = [
        f"{attack}\n  {fault}"
        for attack in attacks
        if (fault := judge(attack, echo.executed, is_behind_nginx=False))
    ]
    if faults:
        pytest.fail("\n".join([f"{len(faults)} of {len(attacks)}:", *faults[:20]]), pytrace=False)
    assert not echo.faults
    assert echo.framings == {(), (b"content-length",), (b"transfer-encoding",)}
