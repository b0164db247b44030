"""Many clients at once, of all kinds: none waits for another, and nothing stays open."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import pytest

from framework_gateway import Mount
from tests.proxy.servers import gateway
from tests.wsgi.server import wait_until

CLIENTS, ROUNDS = 40, 3
PIECE = bytes(50_000)
HEAD = b"Host: localhost\r\nConnection: close\r\n"

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send as many pieces as the query says, then the digest of the body."""
    if scope["type"] != "http":
        return
    digest, more = sha256(), True
    while more:
        message = await receive()
        digest.update(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(int(scope["query_string"] or b"0")):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": digest.hexdigest().encode()})


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /old/?1 HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert sha256().hexdigest().encode() in await reader.read()


async def download(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /old/?40 HTTP/1.1\r\n" + HEAD + b"\r\n")
    received = b""
    while data := await reader.read(100_000):
        received += data
        await asyncio.sleep(0.001)  # a slow client
    assert received.count(b"\0") == 40 * len(PIECE)


async def upload(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"PUT /old/ HTTP/1.1\r\nContent-Length: %d\r\n" % (4 * len(PIECE)) + HEAD + b"\r\n"
    )
    for _ in range(4):
        writer.write(PIECE)
        await writer.drain()
    assert sha256(PIECE * 4).hexdigest().encode() in await reader.read()


async def upload_in_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"PUT /old/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HEAD + b"\r\n")
    for number in range(1, 9):
        writer.write(b"%x\r\n%b\r\n" % (number * 100, bytes(number * 100)))
        await asyncio.sleep(0.001)  # so that the chunks arrive alone
    writer.write(b"0\r\n\r\n")
    assert sha256(bytes(3600)).hexdigest().encode() in await reader.read()


async def leave_in_the_response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /old/?200 HTTP/1.1\r\n" + HEAD + b"\r\n")
    await reader.readexactly(10_000)
    writer.transport.abort()


async def leave_in_the_request(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"PUT /old/ HTTP/1.1\r\nContent-Length: 1000000\r\n" + HEAD + b"\r\n" + PIECE)
    await writer.drain()
    writer.transport.abort()


async def expect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    lines = b"Content-Length: 5\r\nExpect: 100-continue\r\n"
    writer.write(b"PUT /old/ HTTP/1.1\r\n" + lines + HEAD + b"\r\n")
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"12345")
    assert sha256(b"12345").hexdigest().encode() in await reader.read()


KINDS: list[Client] = [
    *(get, download, upload, upload_in_chunks, leave_in_the_response, leave_in_the_request, expect)
]


@pytest.mark.slow
@pytest.mark.parametrize("max_connections", [1000, 5])
def test_a_crowd(max_connections: int) -> None:
    """With few connections, a request waits for a place, and never for another client."""

    async def one(port: int, kind: Client) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait_for(kind(reader, writer), 60)
        finally:
            writer.close()

    async def many(port: int) -> None:
        async def client(number: int) -> None:
            for step in range(ROUNDS * len(KINDS)):
                await one(port, KINDS[(number + step) % len(KINDS)])

        await asyncio.gather(*map(client, range(CLIENTS)))

    with gateway({"/": app}) as behind:
        mount = Mount(
            "/old",
            f"http://127.0.0.1:{behind.port}",
            max_connections=max_connections,
            queue_timeout=60,
        )
        with gateway([mount]) as running:
            asyncio.run(many(running.port))
            wait_until(running.is_idle)
            [peer] = running.upstream().peers
            wait_until(lambda: peer.open == 0)
            assert peer.failures == 0
            assert not running.upstream().balancer.queue
