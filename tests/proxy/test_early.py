"""Responses that come before the request is complete, and requests that the gateway ends."""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.upstream import Upstream
from tests.proxy.servers import OK, Request, proxied, scripted
from tests.wsgi.clients import read_answer, read_until
from tests.wsgi.server import PATIENCE, wait_until

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"


def test_an_early_answer_reaches_the_client_and_ends_the_connection() -> None:
    """The rest of the body must not become the next request."""

    def answer(connection: socket.socket, request: Request) -> bytes:
        if b"large" in request.head:
            connection.sendall(TOO_LARGE)
            request.body = b"".join(iter(lambda: connection.recv(65536), b""))
            return b""
        return OK

    with proxied(answer) as (running, server):
        headers = ("X-Unread: 1", "Content-Length: 5000000")
        with running.open("/old/large", *headers, method="PUT", body=b"begin") as connection:
            assert read_answer(connection).body == b"no"
        assert running.get("/old/").body == b"ok"
        assert server.connections == 2
        wait_until(running.is_idle)


def test_an_early_answer_with_a_close_reaches_a_client_that_still_sends() -> None:
    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(TOO_LARGE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with proxied(answer) as (running, _):
        headers = ("X-Unread: 1", "Content-Length: 5000000")
        body = bytes(5_000_000)
        with running.open("/old/", *headers, method="PUT") as connection:
            sender = threading.Thread(target=send_until_refused, args=[connection, body])
            sender.start()
            assert read_answer(connection).body == b"no"
            sender.join(PATIENCE)


def send_until_refused(connection: socket.socket, body: bytes) -> None:
    with suppress(OSError):
        connection.sendall(body)


def test_a_request_that_the_gateway_times_out_ends_at_the_upstream() -> None:
    ended = threading.Event()

    def answer(connection: socket.socket, _request: Request) -> None:
        assert connection.recv(1) == b""
        ended.set()

    with proxied(answer, request_timeout=0.2) as (running, _):
        assert running.get("/old/").status == 504
        assert ended.wait(PATIENCE)
        wait_until(running.is_idle)


def test_early_hints_are_passed_to_a_server_that_can_send_them() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\n\r\n"
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask(address: str) -> None:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": "/",
            "headers": [],
            "extensions": {"http.response.early_hint": {}},
        }
        upstream = Upstream([address], UpstreamOptions())
        await upstream(scope, receive, send)
        upstream.close()

    with scripted(hints + OK) as server:
        asyncio.run(ask(server.address))
    assert sent[0] == {"type": "http.response.early_hint", "links": [b"</a.css>", b"</b.css>"]}
    assert [message["type"] for message in sent[1:]] == [
        "http.response.start",
        "http.response.body",
    ]


def test_a_body_that_is_shorter_than_its_length_ends_the_connection() -> None:
    """Middleware may shorten a body; the next request must not become its rest."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"short", "more_body": False}

    async def send(_message: Any) -> None: ...

    def answer(connection: socket.socket, request: Request) -> bytes:
        return OK

    async def ask(address: str) -> None:
        upstream = Upstream([address], UpstreamOptions())
        for _ in range(2):
            scope = {
                "type": "http",
                "http_version": "1.1",
                "method": "PUT",
                "path": "/",
                "headers": [(b"content-length", b"10"), (b"x-unread", b"1")],
            }
            await upstream(scope, receive, send)
        upstream.close()

    with scripted(answer) as server:
        asyncio.run(ask(server.address))
        assert server.connections == 2


def test_the_response_is_sent_before_the_whole_request_has_arrived() -> None:
    def answer(connection: socket.socket, _request: Request) -> bytes:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        read_until(connection, b"last")
        return b"done"

    with proxied(answer) as (running, _):
        headers = ("X-Unread: 1", "Content-Length: 9")
        with running.open("/old/", *headers, method="PUT", body=b"first") as connection:
            read_until(connection, b"\r\n\r\n")
            connection.sendall(b"last")
            assert read_until(connection, b"done")
