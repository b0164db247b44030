"""Pass one WebSocket on to an upstream."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.frames import CloseCode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from framework_gateway.proxy.errors import (
    NOT_UPGRADED,
    QUEUE_TIMEOUT,
    RESPONSE_TIMEOUT,
    UpstreamError,
)
from framework_gateway.proxy.heads import (
    HOP_BY_HOP,
    Header,
    host_of,
    target_of,
)
from framework_gateway.proxy.peers import Peer
from framework_gateway.wsgi.errors import ClientLeft

if TYPE_CHECKING:
    from framework_gateway.proxy.upstream import Upstream

T = TypeVar("T")

logger = logging.getLogger("framework_gateway")

DENIAL = "websocket.http.response"
HANDSHAKE = b"sec-websocket-"  # each connection has a handshake of its own
RESERVED = frozenset({1004, 1005, 1006, 1015})  # never sent in a frame (RFC 6455, 7.4.1)
HANDSHAKE_ERRORS = (InvalidHandshake, InvalidMessage, ConnectionClosed, OSError)
CLOSE_TIMEOUT = 5.0  # seconds for the server to answer a close frame


class SocketExchange:
    """A WebSocket of a client, and the one to the upstream."""

    def __init__(self, upstream: "Upstream", scope: Scope, receive: Receive, send: Send) -> None:
        self.upstream = upstream
        self.scope = scope
        self._receive = receive
        self._send = send
        self.turn: asyncio.Future[Peer] | None = None
        self._has_left = False
        self._next: asyncio.Future[Message] | None = None  # of the client
        self.since = upstream.loop.time()

    def check(self, now: float) -> None:
        """Give up a wait in the queue that takes too long."""
        turn = self.turn
        if turn is None or turn.done():
            return
        if now - self.since > self.upstream.options.queue_timeout:
            turn.set_exception(UpstreamError(QUEUE_TIMEOUT, has_connected=False))

    async def run(self) -> None:
        """Connect, accept, and pass messages on until one side closes.

        Raises:
            HTTPException: 502, 503 or 504 with ``Proxy-Status``.
        """
        await self._receive()  # websocket.connect
        self._next = asyncio.ensure_future(self._receive())
        self.upstream.exchanges.add(self)
        try:
            peer = self.upstream.balancer.pick()
            if peer is None:
                peer = await self._unless_left(self._wait_for_turn())
            try:
                await self._serve(peer)
            finally:
                peer.release(None, False, 0.0)
                self.upstream.balancer.wake()
        except UpstreamError as error:
            logger.warning("WebSocket %r: upstream: %s", self.scope["path"], error)
            raise error.as_response(self.upstream.is_own_process) from error
        finally:
            self.upstream.exchanges.discard(self)
            if self._next is not None:
                self._next.cancel()

    async def _unless_left(self, step: Coroutine[Any, Any, T]) -> T:
        """Take a step before the client can send anything; end it if the client leaves.

        Raises:
            ClientLeft: it has left.
        """
        assert self._next is not None
        task = asyncio.ensure_future(step)
        try:
            ends: set[asyncio.Future[Any]] = {task, self._next}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and self._next.result()["type"] == "websocket.disconnect":
                raise ClientLeft
            return await task
        finally:
            task.cancel()

    async def _wait_for_turn(self) -> Peer:
        self.turn = self.upstream.loop.create_future()
        try:
            return await self.upstream.balancer.wait_for_turn(self.turn)
        finally:
            self.turn = None

    async def _serve(self, peer: Peer) -> None:
        try:
            connection = await self._unless_left(self._open(peer))
        except InvalidStatus as refusal:
            return await self._deny(refusal.response)
        except UpstreamError as error:
            peer.note_failure(error)
            raise
        peer.note_success()
        try:
            await self._accept(connection)
            await self._relay(connection)
        finally:
            connection.transport.abort()

    async def _open(self, peer: Peer) -> ClientConnection:
        """Connect, and perform the handshake.

        Raises:
            UpstreamError: that failed.
            InvalidStatus: the server has refused the WebSocket.
        """
        connection = await peer.open_with(partial(self._connection_to, peer))
        try:
            async with asyncio.timeout(self.upstream.response_timeout):
                await connection.handshake(self._handshake_headers(peer), None)
        # Also a cancellation: nobody else would close the connection.
        except BaseException as error:
            connection.transport.abort()
            if isinstance(error, TimeoutError):
                raise UpstreamError(RESPONSE_TIMEOUT) from error
            if isinstance(error, InvalidStatus) or not isinstance(error, HANDSHAKE_ERRORS):
                raise
            raise UpstreamError(NOT_UPGRADED, str(error)) from error
        return connection

    def _connection_to(self, peer: Peer) -> ClientConnection:
        options = self.upstream.options
        target = target_of(self.scope, peer.address, self.upstream.is_stripped).decode("latin-1")
        path, _, query = target.partition("?")
        host, port = split_host(host_of(self.scope, peer.address, options.host), peer)
        protocol = ClientProtocol(
            WebSocketURI(peer.address.is_tls, host, port, path, query),
            subprotocols=[Subprotocol(name) for name in self.scope.get("subprotocols", ())] or None,
            max_size=options.max_message_size,
        )
        return ClientConnection(protocol, ping_interval=None, close_timeout=CLOSE_TIMEOUT)

    def _handshake_headers(self, peer: Peer) -> list[tuple[str, str]]:
        headers = self.upstream.headers_for(self.scope, peer.address)
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in headers
            if name != b"host" and not name.startswith(HANDSHAKE)
        ]

    async def _accept(self, connection: ClientConnection) -> None:
        assert connection.response is not None
        message = {
            "type": "websocket.accept",
            "subprotocol": connection.subprotocol,
            "headers": passed_headers(connection.response),
        }
        await self._send(message)

    async def _deny(self, response: Response) -> None:
        """Refuse the WebSocket as the server has; with its status if the server can."""
        if DENIAL not in (self.scope.get("extensions") or {}):
            return await self._send({"type": "websocket.close", "code": 1008})
        status = response.status_code if response.status_code >= 200 else 502
        headers = passed_headers(response)
        await self._send({"type": f"{DENIAL}.start", "status": status, "headers": headers})
        await self._send({"type": f"{DENIAL}.body", "body": bytes(response.body or b"")})

    # Messages

    async def _relay(self, connection: ClientConnection) -> None:
        """Pass messages on in both directions, until one side closes."""
        upward = asyncio.ensure_future(self._send_up(connection))
        try:
            await self._send_down(connection)
        finally:
            upward.cancel()
            with suppress(asyncio.CancelledError):
                await upward

    async def _receive_next(self) -> Message:
        if (pending := self._next) is None:
            return await self._receive()
        self._next = None
        return await pending

    async def _send_up(self, connection: ClientConnection) -> None:
        """Pass the client's messages on; when it closes, close with the same code."""
        try:
            while (message := await self._receive_next())["type"] == "websocket.receive":
                text = message.get("text")
                await connection.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            return
        self._has_left = True
        code = message.get("code") or CloseCode.NO_STATUS_RCVD
        if code == CloseCode.ABNORMAL_CLOSURE:
            connection.transport.abort()
        else:
            code = CloseCode.NORMAL_CLOSURE if code in RESERVED else code
            await connection.close(code, message.get("reason") or "")

    async def _send_down(self, connection: ClientConnection) -> None:
        """Pass the server's messages on; when it closes, close with the same code."""
        try:
            while True:
                data = await connection.recv()
                key = "text" if isinstance(data, str) else "bytes"
                await self._send({"type": "websocket.send", key: data})
        except ConnectionClosed as closed:
            # A message that is too large is ours to refuse.
            close = closed.rcvd if closed.rcvd_then_sent else closed.sent
        if not self._has_left:
            code, reason = (close.code, close.reason) if close else (CloseCode.BAD_GATEWAY, "")
            code = CloseCode.NORMAL_CLOSURE if code in RESERVED else code
            await self._send({"type": "websocket.close", "code": int(code), "reason": reason})


def split_host(host: bytes, peer: Peer) -> tuple[str, int]:
    """Split a Host header into name and port."""
    name, colon, port = host.decode("latin-1").rpartition(":")
    if colon and port.isdigit() and not name.endswith(":"):
        return name.strip("[]"), int(port)
    return host.decode("latin-1").strip("[]"), 443 if peer.address.is_tls else 80


def passed_headers(response: Response) -> list[Header]:
    """Return those headers of a handshake's response that are passed on."""
    found: Sequence[tuple[str, Any]] = [*response.headers.raw_items()]
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in found]
    return [
        header
        for header in headers
        if header[0] not in HOP_BY_HOP
        and not header[0].startswith(HANDSHAKE)
        and header[0] != b"content-length"
    ]
