"""No connection is reset while a server stops: new ones are refused."""

import errno
import socket
import sys
from collections.abc import Iterator
from select import select

import pytest

from framework_gateway.server.listeners import accept_all, drop_new_connections
from tests.wsgi.server import PATIENCE, serve

# Only Linux can drop new connections while the queue is served; see docs/limits.md.
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can drop new connections")
pytestmark = on_linux


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listener:
        yield listener


def begin_to_connect(host: str, port: int) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    connection.setblocking(False)
    assert connection.connect_ex((host, port)) == errno.EINPROGRESS
    return connection


def end_of(connection: socket.socket) -> int:
    """Wait until a connection succeeds or fails; return its error."""
    assert select([], [connection], [], PATIENCE)[1]
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_established_connections_are_accepted_and_later_ones_refused(
    listener: socket.socket,
) -> None:
    with begin_to_connect(*listener.getsockname()[:2]) as early:
        assert end_of(early) == 0
        drop_new_connections(listener)
        with begin_to_connect(*listener.getsockname()[:2]) as late:
            (accepted,) = accept_all(listener)
            with accepted:
                accepted.sendall(b"welcome")
                early.setblocking(True)
                assert early.recv(100) == b"welcome"
            listener.close()
            assert end_of(late) == errno.ECONNREFUSED


def test_connections_after_the_last_accept_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = []

    def accept_and_let_another_connect(listener: socket.socket) -> list[socket.socket]:
        accepted = [*accept_all(listener)]
        late.append(begin_to_connect(*listener.getsockname()[:2]))
        return accepted

    monkeypatch.setattr(
        "framework_gateway.server.server.accept_all", accept_and_let_another_connect
    )
    with serve():
        pass
    (connection,) = late
    with connection:
        assert end_of(connection) == errno.ECONNREFUSED
