"""Pass one HTTP request on to an upstream, and its response back."""

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from framework_gateway.proxy.connection import Connection
from framework_gateway.proxy.errors import (
    CLOSED,
    INCOMPLETE,
    QUEUE_TIMEOUT,
    READ_TIMEOUT,
    RESPONSE_TIMEOUT,
    WRITE_TIMEOUT,
    Fault,
    UpstreamError,
)
from framework_gateway.proxy.heads import (
    Header,
    HeadError,
    host_of,
    request_headers,
    response_headers,
    target_of,
    write_head,
)
from framework_gateway.proxy.peers import Peer
from framework_gateway.proxy.rewriting import rewrite_headers
from framework_gateway.wsgi.bodies import declared_length
from framework_gateway.wsgi.errors import ClientLeft

if TYPE_CHECKING:
    from framework_gateway.proxy.upstream import Upstream

logger = logging.getLogger("framework_gateway")

# Scope keys that applications may set, too; see mounts/streams.py and server/protocol.py.
STREAMS, EVENT_STREAM = "bridge.streams", "bridge.event_stream"
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
CONTINUE_TIMEOUT = 1.0  # seconds to wait for 100 Continue; then the body is sent (RFC 9110, 10.1.1)
EARLY_HINTS = "http.response.early_hint"  # an extension that few servers have


class Exchange:
    """A request and its response.

    Attributes:
        connection: to the upstream, while the request has one.
        since: when something last happened, by the event loop's time.
    """

    def __init__(self, upstream: "Upstream", scope: Scope, receive: Receive, send: Send) -> None:
        self.upstream = upstream
        self.scope = scope
        self.method: str = scope["method"]
        self._receive = receive
        self._send = send
        self._length = declared_length(scope)  # bytes of the body; None if that is unknown
        self._unsent = self._length or 0
        self._has_more = self._length != 0  # of the request's body
        self._first = b""
        self._expects = self._has_more and expects_continue(scope)
        self._has_begun = self._is_event_stream = self._is_streamed = False
        self._turn: asyncio.Future[None] | None = None
        self._peer: Peer | None = None
        self._last_peer: Peer | None = None
        self.connection: Connection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._context = copy_context()
        self.since = upstream.loop.time()

    async def run(self) -> None:
        """Serve the request.

        Raises:
            HTTPException: 502, 503 or 504 with ``Proxy-Status``; 400 for a head or body that
                cannot be sent.
            ClientLeft: the client has left.
        """
        if self._has_more and not self._expects:
            # A client that is slow to begin its body takes no connection.
            await self._receive_first()
        self.upstream.exchanges.add(self)
        try:
            try:
                await self._ask(is_repeated=False)
            except UpstreamError as error:
                if not self._may_repeat(error):
                    raise
                await self._ask(is_repeated=True)
        except UpstreamError as error:
            self._log(error)
            if not self._has_begun:
                raise error.as_response() from error
        finally:
            self.upstream.exchanges.discard(self)
            if self._reader is not None:
                self._reader.cancel()

    async def _receive_first(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        self._first = message.get("body", b"")
        self._has_more = message.get("more_body", False)
        if self._length is None and not self._has_more:
            self._length = self._unsent = len(self._first)

    def _may_repeat(self, error: UpstreamError) -> bool:
        """Return whether the request cannot have begun, or may be sent twice."""
        if self._has_begun or self._is_streamed:
            return False
        if not error.has_connected:
            return self.upstream.has_other(self._last_peer)
        return error.was_idle and self.method in SAFE

    async def _ask(self, is_repeated: bool) -> None:
        """Send the request to one address, and its response to the client."""
        upstream = self.upstream
        peer = upstream.balancer.pick() or await self._wait_for_turn()
        self._peer = self._last_peer = peer
        connection = None
        try:
            if not is_repeated:
                is_repeatable = self.method in SAFE and not self._has_more
                connection = peer.take(is_repeatable, upstream.loop.time())
            connection = self.connection = connection or await peer.connect()
            if self._error is not None:
                raise self._error
            connection.begin(self.method == "HEAD")
            self._send_request(connection, peer)
            await self._wait_for_head(connection)
            peer.note_success()
            with self._count_stream(connection):
                await self._respond(connection)
        except UpstreamError as error:
            if error.fault is not INCOMPLETE and not error.was_idle:
                upstream.note_failure(peer, error)
            raise
        finally:
            self._release(connection)

    async def _wait_for_turn(self) -> Peer:
        self.since = self.upstream.loop.time()
        self._turn = self.upstream.loop.create_future()
        try:
            return await self.upstream.balancer.wait_for_turn(self._turn)
        finally:
            self._turn = None

    def _release(self, connection: Connection | None) -> None:
        """Give the connection back, once."""
        if self._peer is None:
            return
        peer, self._peer, self.connection = self._peer, None, None
        is_sent = not self._has_more and not self._unsent
        is_free = is_sent and connection is not None and connection.is_complete
        peer.release(connection, is_free, self.upstream.loop.time())
        self.upstream.balancer.wake()

    # The request

    def _send_request(self, connection: Connection, peer: Peer) -> None:
        upstream, scope = self.upstream, self.scope
        headers = request_headers(
            scope,
            host_of(scope, peer.address, upstream.options.host),
            is_stripped=upstream.is_stripped,
            is_own_process=upstream.is_own_process,
        )
        headers += self._framing()
        try:
            head = write_head(
                self.method, target_of(scope, peer.address, upstream.is_stripped), headers
            )
        except HeadError as error:
            raise HTTPException(400) from error
        if self._expects:
            return connection.write(head)
        connection.write(head + self._piece(self._first))
        if self._has_more:
            self._read_on()

    def _framing(self) -> list[Header]:
        """Return the headers that frame the body, as the client has framed it."""
        if self._length is None:
            framing = [(b"transfer-encoding", b"chunked")]
        elif self._length or any(name == b"content-length" for name, _ in self.scope["headers"]):
            framing = [(b"content-length", b"%d" % self._length)]
        else:
            framing = []
        return [*framing, (b"expect", b"100-continue")] if self._expects else framing

    def _piece(self, body: bytes) -> bytes:
        """Frame a piece of the body; the last one also ends it."""
        if self._length is not None:
            self._unsent -= len(body)
            return body
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return chunk if self._has_more else chunk + b"0\r\n\r\n"

    def _read_on(self) -> None:
        """Read the rest of the body, then wait for the client to leave; in a task of its own."""
        self._expects = False
        self._is_streamed = self._is_streamed or self._has_more
        loop = self.upstream.loop
        self._reader = loop.create_task(self._read(), context=self._context)

    async def _read(self) -> None:
        try:
            while self._has_more:
                await self._read_piece()
            # What comes after the body says nothing.
            while (await self._receive())["type"] != "http.disconnect":
                pass
            self._stop(ClientLeft())
        # The task of the request raises it.
        except Exception as error:
            self._stop(error)

    async def _read_piece(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        body: bytes = message.get("body", b"")
        self._has_more = message.get("more_body", False)
        connection = self.connection
        if connection is None or connection.is_lost:
            return
        if data := self._piece(body):
            connection.write(data)
            await connection.drain()
        connection.has_progressed = True

    def _stop(self, error: BaseException) -> None:
        """End the request, because the client has left or its body is not valid."""
        self._error = error
        if self.connection is not None:
            self.connection.fail(error)
        elif self._turn is not None and not self._turn.done():
            self._turn.set_exception(error)

    # The response

    async def _wait_for_head(self, connection: Connection) -> None:
        while True:
            while connection.interim:
                await self._handle_interim(*connection.interim.pop(0))
            if connection.status:
                return
            if connection.error is not None:
                raise connection.error
            await connection.wait()

    async def _handle_interim(self, status: int, headers: list[Header]) -> None:
        if status == 100 and self._expects:
            self._read_on()
        elif status == 103 and EARLY_HINTS in (self.scope.get("extensions") or {}):
            links = [value for name, value in headers if name == b"link"]
            await self._send({"type": EARLY_HINTS, "links": links})

    def _count_stream(self, connection: Connection) -> AbstractContextManager[Any]:
        """Count an event stream; the server ends it when it stops."""
        kind = next((value for name, value in connection.headers if name == b"content-type"), b"")
        if not kind.lower().startswith(b"text/event-stream"):
            return nullcontext()
        self._is_event_stream = True
        self.scope[EVENT_STREAM] = True
        streams = self.scope.get(STREAMS)
        return nullcontext() if streams is None else streams.open(self.scope)

    async def _respond(self, connection: Connection) -> None:
        headers = response_headers(connection.headers)
        if self.upstream.rewrites and self._peer is not None:
            headers = rewrite_headers(headers, self.scope, self._peer.address, self.upstream)
        self._has_begun = True
        start = {"type": "http.response.start", "status": connection.status, "headers": headers}
        await self._send(start)
        while True:
            body = connection.take()
            if connection.is_complete:
                # Before the last piece, because a slow client must not keep the connection.
                self._release(connection)
                return await self._send({"type": "http.response.body", "body": body})
            if body:
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            elif connection.error is not None:
                raise connection.error
            else:
                connection.resume()
                await connection.wait()

    # Time

    def check(self, now: float) -> None:
        """Give up what takes too long, and begin to watch for a client that leaves."""
        connection = self.connection
        passed = now - self.since
        if self._turn is not None:
            if passed > self.upstream.options.queue_timeout:
                self._stop(UpstreamError(QUEUE_TIMEOUT, has_connected=False))
        elif connection is not None:
            if connection.has_progressed:
                connection.has_progressed = False
                self.since, passed = now, 0.0
            if self._expects and not connection.status and passed > CONTINUE_TIMEOUT:
                self._read_on()
            elif fault := self._overdue(connection, passed):
                connection.fail(UpstreamError(fault))
        if self._reader is None and not self._has_more:
            self._read_on()

    def _overdue(self, connection: Connection, passed: float) -> Fault | None:
        """Return what the server should have done by now."""
        options = self.upstream.options
        if connection.is_complete or connection.is_read_paused:
            return None
        if connection.is_write_paused:
            return WRITE_TIMEOUT if passed > options.read_timeout else None
        if self._has_more:
            return None  # the client's turn
        if not connection.status:
            return RESPONSE_TIMEOUT if passed > self.upstream.response_timeout else None
        if self._is_event_stream:
            return None
        return READ_TIMEOUT if passed > options.read_timeout else None

    def _log(self, error: UpstreamError) -> None:
        path = self.scope["path"]
        if error.fault is CLOSED or self._has_begun or error.has_connected:
            logger.warning("%s %r: upstream: %s", self.method, path, error)
        else:
            logger.info("%s %r: upstream: %s", self.method, path, error)


def expects_continue(scope: Scope) -> bool:
    """Return whether the client waits for 100 Continue; HTTP/1.0 does not have it."""
    return scope["http_version"] != "1.0" and any(
        name == b"expect" and value.strip(b" \t").lower() == b"100-continue"
        for name, value in scope["headers"]
    )
