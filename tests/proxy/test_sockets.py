"""WebSockets through an upstream."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as websocket_server
from websockets.typing import Subprotocol
from websockets.utils import accept_key

from framework_gateway import Mount
from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.sockets import SocketExchange
from framework_gateway.proxy.upstream import Upstream
from tests.databases import free_port
from tests.machines.nginx import make_certificate
from tests.proxy.servers import OK, Request, Running, gateway, scripted
from tests.wsgi.clients import leave
from tests.wsgi.server import PATIENCE, wait_until

codes: list[int] = []


async def echo(websocket: WebSocket) -> None:
    """Accept with the last subprotocol, and send everything back."""
    protocols = websocket.scope["subprotocols"]
    await websocket.accept(protocols[-1] if protocols else None, headers=[(b"x-own", b"1")])
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            codes.append(message["code"])
            return
        await websocket.send({**message, "type": "websocket.send"})


async def describe(websocket: WebSocket) -> None:
    await websocket.accept()
    scope = websocket.scope
    headers = [f"{name.decode()}: {value.decode()}" for name, value in scope["headers"]]
    await websocket.send_json([scope["raw_path"].decode(), scope["query_string"].decode(), headers])
    await websocket.receive()


async def end(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(4321, "enough")


async def refuse(websocket: WebSocket) -> None:
    await websocket.send_denial_response(JSONResponse({"no": 1}, 418, {"X-Own": "1"}))


async def large(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("x" * 2000)
    codes.append((await websocket.receive())["code"])


async def flood(websocket: WebSocket) -> None:
    await websocket.accept()
    for number in range(2000):
        await websocket.send_bytes(number.to_bytes(2, "big") * 5000)
    await websocket.close()


FUNCTIONS = (echo, describe, end, refuse, large, flood)
UPSTREAM = Starlette(
    routes=[WebSocketRoute(f"/{function.__name__}", function) for function in FUNCTIONS]
)


@contextmanager
def proxied(**options: Any) -> Iterator[Running]:
    """Serve a gateway in front of another one with the applications of this module."""
    codes.clear()
    with gateway({"/": UPSTREAM}) as behind:
        address = f"http://127.0.0.1:{behind.port}"
        with gateway([Mount("/old", address, **options)]) as running:
            yield running
            wait_until(lambda: running.upstream().peers[0].open == 0)
            wait_until(running.is_idle)


def open_socket(running: Running, path: str, *protocols: str, **options: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{running.port}/old{path}"
    subprotocols = [Subprotocol(name) for name in protocols] or None
    client: ClientConnection = connect(url, subprotocols=subprotocols, proxy=None, **options)
    return client


def test_messages_are_passed_in_both_directions() -> None:
    with proxied() as running, open_socket(running, "/echo") as client:
        for message in ("hello", b"\x00\xff", "", b"", "ä" * 1000, b"x" * 100_000):
            client.send(message)
            assert client.recv() == message
        client.send(["in ", "three ", "pieces"])
        assert client.recv() == "in three pieces"


def test_the_handshake_is_passed_on() -> None:
    headers = {"X-Mine": "1", "Origin": "http://example.com", "Cookie": "a=1"}
    with (
        proxied() as running,
        open_socket(running, "/describe?q=%20", additional_headers=headers) as client,
    ):
        path, query, sent = json.loads(client.recv())
    assert (path, query) == ("/describe", "q=%20")
    assert {
        *("x-mine: 1", "origin: http://example.com", "cookie: a=1"),
        f"host: 127.0.0.1:{running.port}",
    } <= {*sent}


def test_the_subprotocol_and_the_headers_of_the_upstream_are_passed_back() -> None:
    with proxied() as running, open_socket(running, "/echo", "one", "two") as client:
        assert client.subprotocol == "two"
        assert client.response is not None
        assert client.response.headers["X-Own"] == "1"


def test_close_codes_are_passed_back() -> None:
    with proxied() as running, open_socket(running, "/end") as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "enough")


@pytest.mark.parametrize(("sent", "expected"), [(4001, 4001), (1000, 1000), (1001, 1001)])
def test_close_codes_are_passed_on(sent: int, expected: int) -> None:
    with proxied() as running:
        with open_socket(running, "/echo") as client:
            client.close(sent)
        wait_until(lambda: codes)
        assert codes == [expected]


def test_a_client_that_leaves_without_a_close_frame_ends_the_upstream_s_socket() -> None:
    with proxied() as running:
        client = open_socket(running, "/echo")
        leave(client.socket)
        wait_until(lambda: codes)


def test_a_refusal_is_passed_back_with_its_status() -> None:
    with proxied() as running:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(running, "/refuse")
        response = refused.value.response
        assert (response.status_code, response.headers["X-Own"]) == (418, "1")
        assert response.body == b'{"no":1}'
        with pytest.raises(InvalidStatus) as refused:
            open_socket(running, "/nowhere")
        assert refused.value.response.status_code == 403


def test_a_message_of_the_upstream_that_is_too_large_ends_the_socket() -> None:
    with proxied(max_message_size=1000) as running, open_socket(running, "/large") as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        wait_until(lambda: codes)
        assert codes == [1009]


def test_a_client_that_reads_slowly_gets_every_message() -> None:
    with proxied() as running, open_socket(running, "/flood", max_queue=1) as client:
        for number, message in enumerate(client):
            assert message == number.to_bytes(2, "big") * 5000
        assert number == 1999


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 101 Switching\r\n\r\n", b"garbage\r\n\r\n"])
def test_a_server_without_websockets_is_no_failure_of_the_gateway(answer: bytes) -> None:
    with scripted(answer) as server, gateway([Mount("/old", server.address)]) as running:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(running, "/")
        assert refused.value.response.status_code in (200, 502)
        wait_until(running.is_idle)


def test_an_upstream_that_crashes_ends_the_socket() -> None:
    def answer(connection: socket.socket, request: Request) -> None:
        [key] = request.all(b"sec-websocket-key")
        accept = accept_key(key.decode())
        connection.sendall(
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept.encode()
        )

    with scripted(answer) as server, gateway([Mount("/old", server.address)]) as running:
        with open_socket(running, "/") as client, pytest.raises(ConnectionClosed) as closed:
            client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1014


def test_a_server_that_refuses_connections_is_answered_with_502() -> None:
    with gateway([Mount("/old", f"http://127.0.0.1:{free_port()}")]) as running:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(running, "/")
        response = refused.value.response
        assert response.status_code == 502
        assert response.headers["Proxy-Status"] == "framework-gateway; error=connection_refused"


def test_the_upstream_may_use_tls(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "gateway.pem", tmp_path / "gateway.key")

    def shout(connection: ServerConnection) -> None:
        connection.send(str(connection.recv()).upper())

    with websocket_server(shout, "127.0.0.1", 0, ssl=context) as server, ExitStack() as stack:
        threading.Thread(target=server.serve_forever).start()
        stack.callback(server.shutdown)
        address = f"https://127.0.0.1:{server.socket.getsockname()[1]}"
        mounts = [Mount("/old", address, ca=tmp_path / "gateway.pem"), Mount("/no", address)]
        running = stack.enter_context(gateway(mounts))
        with open_socket(running, "/") as client:
            client.send("hello")
            assert client.recv() == "HELLO"
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{running.port}/no/", proxy=None)
        assert "tls_certificate_error" in refused.value.response.headers["Proxy-Status"]


def test_many_sockets_come_and_go() -> None:
    with proxied(max_streams_of_client=100) as running, ExitStack() as stack:
        clients = [stack.enter_context(open_socket(running, "/echo")) for _ in range(50)]
        for number, client in enumerate(clients):
            client.send(str(number))
        for number, client in enumerate(clients):
            assert client.recv() == str(number)
            if number % 2:
                leave(client.socket)
        wait_until(lambda: running.upstream().peers[0].open == 25)


HANDSHAKE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="


def never(connection: socket.socket, _request: Request) -> None:
    connection.recv(1)


def test_a_client_that_leaves_before_the_answer_to_its_handshake_ends_it() -> None:
    with scripted(never) as server, gateway([Mount("/old", server.address)]) as running:
        client = running.open("/old/", *HANDSHAKE, KEY)
        wait_until(lambda: server.requests)
        leave(client)
        wait_until(running.is_idle)
        assert running.upstream().peers[0].open == 0


def test_a_client_that_leaves_the_queue_is_not_served() -> None:
    with scripted(never) as server:
        mount = Mount("/old", server.address, max_connections=1, queue_timeout=2 * PATIENCE)
        with gateway([mount]) as running, running.open("/old/", *HANDSHAKE, KEY):
            wait_until(lambda: server.requests)
            client = running.open("/old/", *HANDSHAKE, KEY)
            wait_until(lambda: running.upstream().balancer.queue)
            leave(client)
            wait_until(lambda: not running.upstream().balancer.queue)


def test_a_place_in_the_very_moment_of_the_timeout_is_kept() -> None:
    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(_message: Message) -> None:
        return None

    async def look() -> None:
        upstream = Upstream(["http://127.0.0.1:1"], UpstreamOptions(queue_timeout=0.1))
        upstream.loop = asyncio.get_running_loop()
        exchange = SocketExchange(upstream, {"type": "websocket"}, receive, send)
        exchange.turn = upstream.loop.create_future()
        exchange.turn.set_result(upstream.peers[0])
        exchange.check(exchange.since + 1)
        assert exchange.turn.result() is upstream.peers[0]

    asyncio.run(look())
