"""WebSocket connections, as their clients see them."""

import asyncio
import threading
from typing import Any

from tests.wsgi.clients import head, read_to_end, read_until
from tests.wsgi.server import PATIENCE, serve, wait_until

HANDSHAKE = head(
    "/socket/",
    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
HELLO = b"\x81\x85\x00\x00\x00\x00hello"  # a text frame with a mask of zeros


def test_frames_that_arrive_before_the_handshake_is_complete_wait() -> None:
    sent = threading.Event()

    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await asyncio.to_thread(sent.wait, PATIENCE)
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": (await receive())["text"].upper()})
            await send({"type": "websocket.close"})

    with serve(others={"/socket": slow}) as served, served.connect() as connection:
        connection.sendall(HANDSHAKE)
        wait_until(lambda: served.mounts["/socket"].open)
        connection.sendall(HELLO)
        sent.set()
        assert read_until(connection, b"HELLO").startswith(b"HTTP/1.1 101 ")


def test_other_data_before_the_handshake_is_complete_ends_the_connection() -> None:
    sent = threading.Event()

    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await asyncio.to_thread(sent.wait, PATIENCE)
            await send({"type": "websocket.accept"})
            await receive()

    with serve(others={"/socket": slow}) as served, served.connect() as connection:
        connection.sendall(HANDSHAKE)
        wait_until(lambda: served.mounts["/socket"].open)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        sent.set()
        assert read_to_end(connection).count(b"HTTP/1.1") == 1
