"""A client that leaves ends its request to the upstream, at whatever stage it is."""

import socket
import threading
from contextlib import suppress

import pytest

from framework_gateway import Mount
from tests.proxy.servers import OK, Request, Running, Scripted, gateway, proxied, scripted
from tests.wsgi.clients import leave, read_until
from tests.wsgi.server import PATIENCE, wait_until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
STAGES = {
    "before the head": b"",
    "in the head": b"HTTP/1.1 200 OK\r\nContent-",
    "before the first byte": HEAD,
    "in the body": HEAD + b"first",
}


def wait_for_the_end(running: Running, server: Scripted, ended: threading.Event) -> None:
    """Wait until the upstream's connection has ended, and nothing is open."""
    assert ended.wait(PATIENCE)
    wait_until(running.is_idle)
    [peer] = running.upstream().peers
    wait_until(lambda: peer.open == 0)
    assert peer.failures == 0
    server.answer = lambda _connection, _request: OK
    assert running.get("/old/").body == b"ok"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_upstream_learns_that_the_client_has_left(stage: str, method: str, loop: str) -> None:
    begun, ended = threading.Event(), threading.Event()

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(STAGES[stage])
        begun.set()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        ended.set()

    with scripted(answer) as server, gateway([Mount("/old", server.address)], loop=loop) as running:
        framing = ["Content-Length: 2"] if method == "POST" else []
        body = b"{}" if method == "POST" else b""
        connection = running.open("/old/", *framing, method=method, body=body)
        assert begun.wait(PATIENCE)
        if STAGES[stage].startswith(HEAD):
            read_until(connection, b"\r\n\r\n")
        leave(connection)
        wait_for_the_end(running, server, ended)


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_in_its_body_ends_the_request(framing: str) -> None:
    ended = threading.Event()

    with proxied() as (running, server):
        serve = server.serve

        def note_end(connection: socket.socket) -> None:
            serve(connection)
            ended.set()

        server.serve = note_end  # type: ignore[method-assign]
        body = b"5\r\nfirst\r\n" if "chunked" in framing else b"first"
        connection = running.open("/old/", framing, method="POST", body=body)
        wait_until(lambda: server.connections)
        leave(connection)
        assert ended.wait(PATIENCE)
        assert not server.requests  # it was never complete
        wait_for_the_end(running, server, ended)


def test_a_client_that_leaves_before_its_body_takes_no_connection() -> None:
    with proxied() as (running, server):
        connection = running.open("/old/", "Content-Length: 5", method="POST")
        wait_until(lambda: running.gateway.planned["/old"].open)
        leave(connection)
        wait_until(running.is_idle)
        assert server.connections == 0


def test_a_client_that_leaves_the_queue_is_not_served() -> None:
    go_on = threading.Event()

    def answer(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    with proxied(answer, max_connections=1) as (running, server):
        first = running.open("/old/first")
        wait_until(lambda: server.requests)
        queued = running.open("/old/queued")
        wait_until(lambda: running.upstream().balancer.queue)
        leave(queued)
        wait_until(lambda: not running.upstream().balancer.queue)
        go_on.set()
        read_until(first, b"ok")
        first.close()
        assert [request.first for request in server.requests] == [b"GET /first HTTP/1.1"]
