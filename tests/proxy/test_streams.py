"""Bodies are streamed both ways, with back-pressure, and event streams stay open."""

import asyncio
import socket
import threading
from contextlib import ExitStack
from hashlib import sha256

import pytest
import uvloop
from starlette.types import Message

from framework_gateway import Mount
from framework_gateway.proxy.addresses import parse_address
from framework_gateway.proxy.connection import HIGH_WATER, Connection
from framework_gateway.proxy.exchange import Exchange
from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.peers import Peer
from framework_gateway.proxy.upstream import Upstream
from tests.proxy.servers import OK, Request, Running, gateway, proxied, scripted
from tests.wsgi.clients import read_answer, read_to_end, read_until
from tests.wsgi.server import PATIENCE, wait_until

PIECE = bytes(range(256)) * 256
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = CHUNKED.replace(b"Transfer", b"Content-Type: text/event-stream\r\nTransfer")
LARGEST_READ = 256 * 1024  # bytes that an event loop reads at once


def open_exchanges(running: Running) -> list[Exchange]:
    return [one for one in running.upstream().exchanges if isinstance(one, Exchange)]


def is_paused(running: Running) -> bool:
    """Whether the gateway has stopped to read from, or to write to, the upstream."""
    return any(
        one.connection is not None
        and (one.connection.is_read_paused or one.connection.is_write_paused)
        for one in open_exchanges(running)
    )


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_slow_client_pauses_only_its_own_upstream_connection(loop: str) -> None:
    count = 200

    def answer(connection: socket.socket, request: Request) -> bytes:
        if b"/small" in request.first:
            return OK
        connection.sendall(HEAD % (count * len(PIECE)))
        for _ in range(count):
            connection.sendall(PIECE)
        return b""

    with proxied(answer) as (_, server):
        mounts = [Mount("/old", server.address)]
        with gateway(mounts, loop=loop) as running:
            slow = running.open("/old/large")
            wait_until(lambda: is_paused(running))
            [exchange] = open_exchanges(running)
            assert exchange.connection is not None
            assert exchange.connection.buffered <= HIGH_WATER + LARGEST_READ
            for _ in range(3):
                assert running.get("/old/small").body == b"ok"
            with slow:
                found = read_answer(slow)
            assert sha256(found.body).digest() == sha256(PIECE * count).digest()
            wait_until(running.is_idle)


def test_a_slow_upstream_pauses_its_client() -> None:
    size = 40_000_000
    go_on = threading.Event()

    def answer(connection: socket.socket, request: Request) -> bytes:
        if b"/small" in request.first:
            return OK
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        go_on.wait(PATIENCE)
        left = size
        while left:
            left -= len(connection.recv(min(left, 1_000_000)))
        return OK

    with proxied(answer, max_body_size=size) as (running, _):
        headers = ("Expect: 100-continue", f"Content-Length: {size}")
        with running.open("/old/", *headers, method="PUT") as connection:
            read_until(connection, b"\r\n\r\n")
            sender = threading.Thread(target=connection.sendall, args=[bytes(size)])
            sender.start()
            wait_until(lambda: is_paused(running))
            [exchange] = open_exchanges(running)
            assert exchange.connection is not None
            assert exchange.connection.transport.get_write_buffer_size() < 1_000_000
            assert sender.is_alive()
            assert running.get("/old/small").body == b"ok"
            go_on.set()
            assert read_answer(connection).body == b"ok"
            sender.join(PATIENCE)


def test_pieces_arrive_at_once_in_both_directions() -> None:
    """Each piece of the body is answered before the next one is sent."""

    def answer(connection: socket.socket, request: Request) -> bytes:
        connection.sendall(CHUNKED)
        piece = request.body
        for _ in range(3):
            piece = piece or connection.recv(4)
            connection.sendall(b"4\r\n%b\r\n" % piece)
            piece = b""
        return b"0\r\n\r\n"

    with proxied(answer) as (running, _):
        headers = ("X-Unread: 1", "Content-Length: 12")
        with running.open("/old/", *headers, method="PUT") as connection:
            for piece in (b"one.", b"two.", b"six."):
                connection.sendall(piece)
                assert read_until(connection, piece)


def test_an_event_stream_outlives_the_read_timeout_and_is_counted() -> None:
    go_on = threading.Event()

    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        go_on.wait(PATIENCE)
        return b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"

    with proxied(answer, read_timeout=0.2, max_streams=1) as (running, _):
        mount = running.gateway.planned["/old"]
        with running.open("/old/") as connection:
            read_until(connection, b"data: 1\n\n")
            assert mount.streams.by_client.total() == 1
            full = running.get("/old/")
            assert (full.status, full.header("Retry-After")) == (503, "1")
            [exchange] = open_exchanges(running)
            # Longer than the timeout: the sweeps that would have ended it.
            since = exchange.since
            wait_until(lambda: running.upstream().loop.time() > since + 0.6)
            go_on.set()
            assert read_until(connection, b"0\r\n\r\n").endswith(b"data: 2\n\n\r\n0\r\n\r\n")
        wait_until(lambda: not mount.streams.by_client)


def test_an_event_stream_ends_when_the_gateway_stops() -> None:
    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        connection.recv(1)
        return b""

    with proxied(answer) as (running, _):
        connection = running.open("/old/")
        read_until(connection, b"data: 1\n\n")
    with connection:
        assert read_to_end(connection).endswith(b"0\r\n\r\n")


def test_many_streams_are_open_at_once() -> None:
    number = 100

    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        connection.recv(1)
        return b""

    options = {"max_streams": number, "max_streams_of_client": number}
    with proxied(answer, **options) as (running, server), ExitStack() as stack:
        connections = [stack.enter_context(running.open("/old/")) for _ in range(number)]
        for connection in connections:
            read_until(connection, b"data: 1\n\n")
        assert server.connections == number
        stack.close()
        wait_until(running.is_idle)
        wait_until(lambda: running.upstream().peers[0].open == 0)


def test_a_connection_whose_response_ended_in_a_pause_is_read_again() -> None:
    size = HIGH_WATER + 1  # the byte that pauses is the last one

    async def ask(peer: Peer) -> Connection:
        loop = asyncio.get_running_loop()
        connection = peer.take(True, loop.time()) or await peer.connect()
        connection.begin(False)
        connection.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        until = loop.time() + PATIENCE
        while not connection.is_complete and loop.time() < until:
            # The pause between two polls; what waits for the connection would take the body.
            await asyncio.sleep(0.005)
        assert connection.is_read_paused
        assert len(connection.take()) == size
        peer.open += 1
        peer.release(connection, True, loop.time())
        return connection

    async def ask_twice(address: str) -> None:
        peer = Peer(parse_address(address), None, PATIENCE)
        assert await ask(peer) is await ask(peer)
        peer.remove()
        # The connection ends in the next step of the event loop.
        await asyncio.sleep(0)

    with scripted(HEAD % size + bytes(size)) as server:
        asyncio.run(ask_twice(server.address))


def test_a_slow_client_gets_no_piece_that_is_much_larger_than_the_limit() -> None:
    """uvloop hands over up to 32 reads before the request can take any of them."""

    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(HEAD % (500 * len(PIECE)))
        for _ in range(500):
            connection.sendall(PIECE)
        return b""

    sizes: list[int] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        sizes.append(len(message.get("body", b"")))

    async def ask(upstream: Upstream) -> None:
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "headers": []}
        await upstream({**scope, "raw_path": b"/"}, receive, send)
        upstream.close()

    with scripted(answer) as server:
        upstream = Upstream([server.address], UpstreamOptions())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(ask(upstream))
    assert sum(sizes) == 500 * len(PIECE)
    assert max(sizes) <= HIGH_WATER + LARGEST_READ
