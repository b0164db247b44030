"""Pass one HTTP request on to an upstream, and its response back."""

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from framework_gateway.proxy.bodies import RequestBody
from framework_gateway.proxy.connection import Connection
from framework_gateway.proxy.errors import QUEUE_TIMEOUT, Fault, UpstreamError
from framework_gateway.proxy.heads import Header, response_headers
from framework_gateway.proxy.peers import Peer
from framework_gateway.proxy.rewriting import rewrite_headers
from framework_gateway.proxy.timeouts import CONTINUE_TIMEOUT, overdue

if TYPE_CHECKING:
    from framework_gateway.proxy.upstream import Upstream

logger = logging.getLogger("framework_gateway")

# Scope keys that applications may set, too; see mounts/streams.py and server/protocol.py.
STREAMS, EVENT_STREAM = "bridge.streams", "bridge.event_stream"
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
NOT_COUNTED = nullcontext()
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
        self.body = RequestBody(scope, receive)
        self._send = send
        self._has_begun = self._is_event_stream = False
        self._turn: asyncio.Future[Peer] | None = None
        self._peer: Peer | None = None
        self.connection: Connection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._context = copy_context()
        self.since = upstream.loop.time()

    async def run(self) -> None:
        """Serve the request.

        Raises:
            HTTPException: 502, 503 or 504 with ``Proxy-Status``; 400 for a request that cannot be
                sent.
            ClientLeft: the client has left.
        """
        if self.body.has_more and not self.body.expects:
            # A client that is slow to begin its body takes no connection.
            await self.body.receive_first()
        self.upstream.exchanges.add(self)
        try:
            await self._ask_twice()
        except UpstreamError as error:
            logger.warning("%s %r: upstream: %s", self.method, self.scope["path"], error)
            if not self._has_begun:
                raise error.as_response(self.upstream.is_own_process) from error
        finally:
            self.upstream.exchanges.discard(self)
            if self._reader is not None:
                self._reader.cancel()

    async def _ask_twice(self) -> None:
        """Ask again if the first server cannot have begun, or the request may be repeated."""
        peer = await self._reserve()
        try:
            return await self._ask(peer, is_repeated=False)
        except UpstreamError as error:
            if self._has_begun or self.body.is_streamed:
                raise
            is_unbegun = not error.has_connected and self.upstream.has_other(peer)
            if not is_unbegun and not (error.was_idle and self.method in SAFE):
                raise
        await self._ask(await self._reserve(), is_repeated=True)

    async def _reserve(self) -> Peer:
        """Choose a server; wait until one has a free place."""
        balancer = self.upstream.balancer
        if (peer := balancer.pick()) is not None:
            return peer
        self.since = self.upstream.loop.time()
        self._turn = self.upstream.loop.create_future()
        try:
            return await balancer.wait_for_turn(self._turn)
        finally:
            self._turn = None

    async def _ask(self, peer: Peer, is_repeated: bool) -> None:
        """Send the request to one server, and its response to the client."""
        self._peer = peer
        connection = None
        try:
            if not is_repeated:
                is_repeatable = self.method in SAFE and not self.body.has_more
                connection = peer.take(is_repeatable, self.upstream.loop.time())
            connection = self.connection = connection or await peer.connect()
            if self._error is not None:
                raise self._error
            connection.begin(self.method == "HEAD")
            self._send_request(connection, peer)
            await self._wait_for_head(connection)
            peer.note_success()
            with self._count_stream(connection):
                await self._respond(connection, peer)
        except UpstreamError as error:
            peer.note_failure(error)
            raise
        finally:
            self._release(connection)

    def _release(self, connection: Connection | None) -> None:
        """Give the connection back, once."""
        if self._peer is None:
            return
        peer, self._peer, self.connection = self._peer, None, None
        is_free = connection is not None and connection.is_complete and self.body.is_sent
        peer.release(connection, is_free, self.upstream.loop.time())
        self.upstream.balancer.wake()

    # The request

    def _send_request(self, connection: Connection, peer: Peer) -> None:
        head = self.upstream.write_head(self.scope, peer.address, self.body.headers())
        if self.body.expects:
            return connection.write(head)
        connection.write(head + self.body.first())
        if self.body.has_more:
            self._read_on()

    def _read_on(self) -> None:
        """Read the rest of the body, then wait for the client to leave; in a task of its own."""
        self.body.expects = False
        self._reader = self.upstream.loop.create_task(self._read(), context=self._context)

    async def _read(self) -> None:
        try:
            while self.body.has_more:
                data = await self.body.receive()
                if (connection := self.connection) is not None and not connection.is_lost:
                    connection.write(data)
                    await connection.drain()
            await self.body.wait_until_left()
        # The task of the request raises it.
        except Exception as error:
            self._stop(error)

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
        if status == 100 and self.body.expects:
            self._read_on()
        elif status == 103 and EARLY_HINTS in (self.scope.get("extensions") or {}):
            links = [value for name, value in headers if name == b"link"]
            await self._send({"type": EARLY_HINTS, "links": links})

    def _count_stream(self, connection: Connection) -> AbstractContextManager[Any]:
        """Count an event stream; the server ends it when it stops."""
        kinds = connection.values(b"content-type")
        if not kinds or not kinds[0].lower().startswith(b"text/event-stream"):
            return NOT_COUNTED
        self._is_event_stream = True
        self.scope[EVENT_STREAM] = True
        streams = self.scope.get(STREAMS)
        return NOT_COUNTED if streams is None else streams.open(self.scope)

    async def _respond(self, connection: Connection, peer: Peer) -> None:
        headers = response_headers(connection.headers)
        if self.upstream.rewrites:
            headers = rewrite_headers(headers, self.scope, peer.address, self.upstream)
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
            if self.body.expects and not connection.status and passed > CONTINUE_TIMEOUT:
                self._read_on()
            elif fault := self._overdue(connection, passed):
                connection.fail(UpstreamError(fault))
        if self._reader is None and not self.body.has_more:
            self._read_on()

    def _overdue(self, connection: Connection, passed: float) -> Fault | None:
        """Return what the server should have done by now."""
        options = self.upstream.options
        return overdue(
            connection,
            self.body,
            passed,
            response_timeout=self.upstream.response_timeout,
            read_timeout=None if self._is_event_stream else options.read_timeout,
        )
