"""A connection byte by byte; no client library would misbehave like this."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

DRIP = 0.25  # seconds between two bytes of a slow client
HOLD = 8.0  # seconds until a slow client disconnects
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Wire(NamedTuple):
    """A connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def status(self) -> str:
        """Read the status of a response; ``closed`` if the server has ended the connection."""
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return "closed"
        return line[9:12].decode() or "closed"

    async def drip(self, data: bytes) -> str:
        """Send byte by byte until the server answers or closes; ``held`` if it does neither."""
        answer = asyncio.create_task(self.status())
        for byte in data[: round(HOLD / DRIP)]:
            with suppress(ConnectionError):
                self.writer.write(bytes([byte]))
            if (await asyncio.wait([answer], timeout=DRIP))[0]:
                return await answer
        answer.cancel()
        return "held"

    async def read_chunks(self) -> str:
        """Read a chunked response; ``closed`` if it is cut off, ``held`` if it is complete."""
        end = b""
        while not end.endswith(b"\r\n0\r\n\r\n"):
            try:
                data = await self.reader.read(65536)
            except ConnectionError:
                return "closed"
            if not data:
                return "closed"
            end = (end + data)[-16:]
        return "held"


@asynccontextmanager
async def connect(port: int, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
    """Connect; when the block ends, close at once, sometimes with a reset."""
    connection = socket.socket()
    connection.setblocking(False)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if random.getrandbits(1):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        wire = Wire(*await asyncio.open_connection(sock=connection))
    except BaseException:
        connection.close()
        raise
    try:
        yield wire
    finally:
        wire.writer.transport.abort()
        with suppress(ConnectionError):
            await wire.writer.wait_closed()
