"""WebSockets and event streams have limits of their own, which leave room for other requests."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

import httpx2 as httpx
import pytest
from starlette.exceptions import HTTPException
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from framework_gateway.mounts.streams import Streams
from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import Server, serve

pytestmark = pytest.mark.anyio

EVENTS = "/fastapi/api/users/events"
LIVE = "/fastapi/api/users/live"
MOST, MOST_OF_CLIENT = 5, 3
LIMITS = {
    "GATEWAY_MAX_STREAMS": str(MOST),
    "GATEWAY_MAX_STREAMS_OF_CLIENT": str(MOST_OF_CLIENT),
    "GATEWAY_WEBSOCKET_MAX_SIZE": "1000",
    "GATEWAY_WEBSOCKET_RATE": "20",
    # So that the tests can act as several clients.
    "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture(scope="module")
def served(migrated: SQLite | PostgreSQL) -> Iterator[tuple[str, Server]]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "--port", port)
    with serve(*command, origin=origin, path="/flask/api/hello", env=LIMITS) as process:
        yield origin, process


@pytest.fixture
def origin(served: tuple[str, Server]) -> str:
    return served[0]


@pytest.fixture
def log(served: tuple[str, Server]) -> Server:
    return served[1]


def client(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"192.0.2.{number}"}


@asynccontextmanager
async def live(origin: str, number: int = 1) -> AsyncIterator[ClientConnection]:
    address = origin.replace("http", "ws") + LIVE
    async with connect(address, additional_headers=client(number), compression=None) as socket:
        yield socket


async def closed(socket: ClientConnection) -> int | None:
    """Return the code with which the server closes the WebSocket."""
    async with asyncio.timeout(20):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else None


@pytest.mark.parametrize("message", ["text", b"bytes", "", ["in", "pieces"]])
async def test_a_message_from_the_client_ends_the_connection(
    origin: str, message: str | bytes | list[str]
) -> None:
    async with live(origin) as socket:
        await socket.send(message)
        assert await closed(socket) == 1003


async def test_a_message_over_the_limit_ends_the_connection(origin: str) -> None:
    async with live(origin) as socket:
        await socket.send("x" * 1001)
        assert await closed(socket) == 1009


async def send_frames(socket: ClientConnection, frames: list[Frame], times: int) -> None:
    """Send all frames in one write, as a hostile client could."""
    data = b"".join(frame.serialize(mask=True) for frame in frames) * times
    socket.transport.write(data)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CONT])
async def test_a_flood_of_small_frames_ends_the_connection(origin: str, opcode: Opcode) -> None:
    first = [Frame(Opcode.TEXT, b"", fin=False)] if opcode is Opcode.CONT else []
    async with live(origin) as socket:
        await send_frames(socket, first, 1)
        await send_frames(socket, [Frame(opcode, b"", fin=opcode is not Opcode.CONT)], 50_000)
        assert await closed(socket) in (1008, None)
    async with httpx.AsyncClient(base_url=origin) as asking:
        assert (await asking.get("/health/live")).status_code == 200


async def test_compression_is_not_offered(origin: str) -> None:
    """Otherwise a small message could expand to a thousand times its size."""
    address = origin.replace("http", "ws") + LIVE
    factories = [ClientPerMessageDeflateFactory()]
    async with connect(address, extensions=factories, compression=None) as socket:
        assert socket.protocol.extensions == []
        bomb = zlib.compressobj(wbits=-15)
        packed = bomb.compress(b"\0" * 500_000) + bomb.flush(zlib.Z_SYNC_FLUSH)
        frame = bytearray(Frame(Opcode.TEXT, packed[:-4]).serialize(mask=True))
        frame[0] |= 0x40  # RFC 7692, 6: the bit for compressed
        socket.transport.write(bytes(frame))
        assert await closed(socket) == 1002


async def test_a_client_can_send_pings_at_the_allowed_rate(origin: str) -> None:
    async with live(origin) as socket:
        for _ in range(30):
            async with asyncio.timeout(20):
                await (await socket.ping())
        assert socket.close_code is None


@asynccontextmanager
async def events(origin: str, number: int = 1) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(base_url=origin, timeout=20) as asking,
        asking.stream("GET", EVENTS, headers=client(number)) as response,
    ):
        yield response


async def status_of_socket(origin: str, number: int) -> int:
    try:
        async with live(origin, number):
            return 101
    except InvalidStatus as refused:
        answer = refused.response
    assert answer.headers["Retry-After"]
    return answer.status_code


async def status_of_stream(origin: str, number: int) -> int:
    async with events(origin, number) as response:
        if response.status_code != 200:
            await response.aread()
            assert_problem(response, 503)
            assert response.headers["Retry-After"]
        return response.status_code


async def test_streams_are_limited_for_each_client_and_in_total(origin: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_OF_CLIENT - 1):
            await stack.enter_async_context(live(origin, 1))
        response = await stack.enter_async_context(events(origin, 1))
        assert response.status_code == 200
        assert await status_of_socket(origin, 1) == 503
        assert await status_of_stream(origin, 1) == 503
        for _ in range(MOST - MOST_OF_CLIENT):
            await stack.enter_async_context(events(origin, 2))
        assert await status_of_socket(origin, 3) == 503
        assert await status_of_stream(origin, 3) == 503
        async with httpx.AsyncClient(base_url=origin) as asking:
            for framework in FRAMEWORKS:
                assert (await asking.get(f"/{framework}/api/users")).status_code == 200
    deadline = time.monotonic() + 20
    while (await status_of_stream(origin, 1), await status_of_socket(origin, 3)) != (200, 101):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_an_ipv6_network_is_one_client(first: str, second: str, same: bool) -> None:
    streams = Streams(max_open=9, max_per_client=1)
    with (
        streams.open({"client": (first, 1)}),
        pytest.raises(HTTPException) if same else nullcontext(),
        streams.open({"client": (second, 2)}),
    ):
        pass
    assert not streams.by_client


async def test_a_refused_websocket_is_not_logged_as_an_error(origin: str, log: Server) -> None:
    before = len(log.output)
    async with AsyncExitStack() as stack:
        for _ in range(MOST_OF_CLIENT):
            await stack.enter_async_context(live(origin, 9))
        assert await status_of_socket(origin, 9) == 503
    assert "without completing handshake" not in log.output[before:]
