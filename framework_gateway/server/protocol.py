"""uvicorn's HTTP connection, with limits on request heads, slow clients and body framing.

There is no timer for each request. Each connection stores when it started to wait. The server calls
``check`` about once a second, which compares that time with the limits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

import httptools
import uvicorn
from starlette.responses import PlainTextResponse, Response
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from framework_gateway.server.heads import (
    Refused,
    check_handshake,
    check_size,
    check_target,
    check_version,
    has_body,
    requests_websocket,
)
from framework_gateway.server.limits import Limits
from framework_gateway.server.lingering import LingeringTransport
from framework_gateway.server.readers import StallTimer
from framework_gateway.server.response_heads import BodyLength, ResponseSender, send, send_http10
from framework_gateway.server.sockets import WebSocketConnection

EVENT_STREAM = "bridge.event_stream"  # scope key of a response that ends when the server stops
MIN_RATE = 500  # bytes of a body that add one second to its timeout
LINGER_TIMEOUT = 2.0  # seconds for a client to read the error response
INVALID_VERSION = "Invalid HTTP version"  # llhttp's message for a version that it does not know
HASH = ord("#")  # searching bytes for an int is ten times as fast
FIRST_REQUEST_TIMEOUT = 1.0  # seconds for a new connection to send a request during a stop

# Refused connections and requests of this process, by reason.
refused: Counter[str] = Counter()


def render_as_text(status: int) -> Response:
    """Return an empty plain-text response."""
    return PlainTextResponse(status_code=status)


class Config(uvicorn.Config):
    """uvicorn's configuration, with limits.

    Args:
        app: the ASGI application, or any other value that uvicorn accepts.
        limits: the limits of each connection.
        refuse: renders the error response for a status; with several worker processes, it must be
            a module-level function.
        options: uvicorn's own options.
    """

    def __init__(
        self,
        app: Any,
        *,
        limits: Limits | None = None,
        refuse: Callable[[int], Response] = render_as_text,
        **options: Any,
    ) -> None:
        self.limits = limits or Limits()
        self.refuse = refuse
        super().__init__(app, http=Connection, ws=WebSocketConnection, **options)


class Connection(HttpToolsProtocol):
    """One client connection."""

    config: Config

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.access_log = False  # uvicorn writes one as soon as anybody gives its logger a handler
        self.limits = self.config.limits
        self.head_started_at: float | None = None  # when the current head started to arrive
        self.head_size = 0
        self.receiving = False  # whether a body is being received
        self.received = self.body_size = 0
        self.body_seconds: float | None = None  # spent receiving it, since the first check
        self.checked_at = self.loop.time()
        # Whether to accept the upgrade that the head requests; None if it requests none.
        self.upgrade: bool | None = None
        self.refused_at: float | None = None
        self.stopping = False
        self.answering: RequestResponseCycle | None = None

    # Receiving

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.stall_timer = StallTimer(transport)
        self.context: Context = copy_context()
        self.head_started_at = self.loop.time()
        if len(self.connections) > self.limits.max_connections:
            self.refuse(503, "too many connections")

    def data_received(self, data: bytes) -> None:
        if self.refused_at is not None:
            return
        if self.receiving:
            self.received += len(data)
        else:
            if self.head_started_at is None:
                self.head_started_at = self.loop.time()
                self.head_size = 0
            self.head_size += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self.refused_at is not None:
            return
        if self.head_started_at is not None and self.head_size > self.limits.max_head_size:
            self.refuse(431, "head too large")
        elif self.receiving and self._is_padded():
            self.refuse(431, "padded body")

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser, which stops after each head that requests an upgrade."""
        while True:
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                if self.upgrade:
                    return self.handle_websocket_upgrade()
                data = memoryview(data)[stop.args[0] :]
            except httptools.HttpParserError as error:
                return self._refuse_unparsed(error)
            try:
                self._ignore_upgrade()
            except httptools.HttpParserError as error:
                return self._refuse_unparsed(error)

    def _ignore_upgrade(self) -> None:
        """Parse the head again without its Upgrade header (RFC 9110, 7.8).

        Otherwise the parser treats the data after the head as another protocol, not as a body.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def on_headers_complete(self) -> None:
        limits = self.limits
        version = self.parser.get_http_version()
        if version != "1.1":
            check_version(version)
            self.expect_100_continue = False  # RFC 9110, 10.1.1
        if len(self.headers) > limits.max_headers:
            raise Refused(431, "too many headers")
        if self.head_size > limits.max_head_size:
            # head_size may include the start of a body, so measure the head alone.
            check_size(self.url, self.headers, limits.max_head_size)
        if HASH in self.url or not self.url.startswith(b"/"):
            check_target(self.url, self.headers)
        self.upgrade = self._accepts_upgrade(version) if self.parser.should_upgrade() else None
        if self.upgrade is False:
            return  # _parse calls _ignore_upgrade next
        super().on_headers_complete()
        self.head_started_at = None
        self.receiving = True
        self.received = self.body_size = 0
        self.body_seconds = None
        if self.upgrade:
            return
        # Trailers must not become headers of a request that has been checked (RFC 9110, 6.5.1).
        self.headers = []
        if self.stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        super().on_body(body)

    def _should_upgrade(self) -> bool:
        return self._should_upgrade_to_ws() and requests_websocket(self.headers)

    def _accepts_upgrade(self, version: str) -> bool:
        """Return whether the head is a WebSocket handshake (RFC 6455, 4.1).

        Raises:
            ValueError: the head requests something that can be neither accepted nor ignored.
            Refused: 431, the head is too large for the handshake.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise ValueError("the server is not a proxy")
        is_handshake = version == "1.1" and method == b"GET" and self._should_upgrade()
        if not is_handshake or has_body(self.headers):
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            raise ValueError("an upgrade before the previous response is complete")
        check_handshake(self.url, self.headers)
        return True

    def on_message_complete(self) -> None:
        if self.upgrade is not None:
            return  # only the head is complete; _parse continues
        self.receiving = False
        self.head_size = 0
        super().on_message_complete()
        if self.headers and not self.parser.should_keep_alive():
            self._close_after_response()
        elif self.cycle is not None and self.cycle.response_complete:
            # The rest of a body after an early response has stopped uvicorn's keep-alive timer.
            self.head_started_at = self.loop.time()

    def _close_after_response(self) -> None:
        """Close the connection after this response, as a trailer of the request demands."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _is_padded(self) -> bool:
        """Return whether a body is mostly chunk extensions or trailers, which need a limit."""
        room = 2 * self.limits.max_head_size
        return (
            self.received > 8 * self.body_size + room or len(self.headers) > self.limits.max_headers
        )

    # Refusing requests

    def _refuse_unparsed(self, error: httptools.HttpParserError) -> None:
        """Refuse a request that is malformed, or that a callback of the parser has refused."""
        if isinstance(error.__context__, Refused):
            self.refuse(error.__context__.status, str(error.__context__))
        elif str(error) == INVALID_VERSION:
            self.refuse(505, "unknown version")
        else:
            self.refuse(400, "malformed")

    def refuse(self, status: int, reason: str) -> None:
        """Send an error response and close; do not corrupt the response to an earlier request."""
        refused[reason] += 1
        cycle = self.cycle
        is_answering = cycle is not None and not cycle.response_complete
        if is_answering and not self.receiving:
            # The response to an earlier request is not complete: close after it.
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.receiving and (cycle.response_started or self.pipeline):
            self.transport.abort()
            return
        self._write_error(status)
        self.linger()
        if is_answering:
            cycle.disconnected = True
            cycle.message_event.set()

    def _write_error(self, status: int) -> None:
        response = self.config.refuse(status)
        lines = [STATUS_LINE[status]]
        for name, value in [
            *self.server_state.default_headers,
            *response.raw_headers,
            (b"connection", b"close"),
        ]:
            lines += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*lines, b"\r\n", bytes(response.body)]))

    def linger(self) -> None:
        """Ignore further data, and close when the client has read the response."""
        self.refused_at = self.loop.time()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # Responding; with pipelining, the current request is not the last one received

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answering = cycle

        def run_app(scope: Any, receive: Any, _send: Any) -> Any:
            if scope["http_version"] == "1.0":
                cycle.transport = LingeringTransport(self, cycle)  # type: ignore[assignment]
                return app(scope, receive, ResponseSender(send_http10, cycle, BodyLength()))
            if cycle.more_body:
                cycle.transport = LingeringTransport(self, cycle)  # type: ignore[assignment]
            return app(scope, receive, ResponseSender(send, cycle))

        super()._start_asgi_task(cycle, run_app)

    def on_response_complete(self) -> None:
        if self.pipeline:
            # This runs in the task of the application. The next request in the pipeline must not
            # inherit the task's context variables.
            self.context.run(super().on_response_complete)
        else:
            super().on_response_complete()

    def resume_writing(self) -> None:
        self.stall_timer.drains += 1
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answering is not None and not self.answering.response_complete:
            self.answering.disconnected = True
            self.answering.message_event.set()
        super().connection_lost(exc)

    # Timeouts

    def check(self, now: float) -> None:
        """Refuse or disconnect a client that is too slow; ``now`` is the event loop's time."""
        passed, self.checked_at = now - self.checked_at, now
        if self.stall_timer.stalled_for(now) > self.limits.send_timeout:
            refused["stalled reader"] += 1
            self.transport.abort()
        elif self.refused_at is not None:
            if self.transport.get_write_buffer_size():
                self.refused_at = now
            elif now - self.refused_at > LINGER_TIMEOUT:
                self.transport.abort()
        elif self.head_started_at is not None:
            self._check_head(now - self.head_started_at)
        elif self.receiving and not self.flow.read_paused:
            self._check_body(passed)

    def _check_head(self, seconds: float) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if seconds <= self.limits.head_timeout or is_answering or self.transport.is_closing():
            return
        if self.head_size:
            self.refuse(408, "slow head")
        else:
            self.transport.close()

    def _check_body(self, passed: float) -> None:
        # Time in which the application does not read does not count.
        if self.cycle is None or self.cycle.waiting_for_100_continue:
            return
        self.body_seconds = 0.0 if self.body_seconds is None else self.body_seconds + passed
        if self.body_seconds > self.limits.body_timeout + self.body_size / MIN_RATE:
            self.refuse(408, "slow body")

    # Shutdown

    def shutdown(self) -> None:
        """Start a graceful stop: answer the requests received so far, and accept no more."""
        self.stopping = True
        if self.head_started_at is not None:
            # A request may already be on its way to this connection.
            self.loop.call_later(FIRST_REQUEST_TIMEOUT, self._close_if_idle)
            return
        super().shutdown()
        if not self.cycle.response_complete and self.cycle.scope.get(EVENT_STREAM):
            self._end_event_stream()

    def _close_if_idle(self) -> None:
        if self.head_started_at is not None:
            self.transport.close()

    def _end_event_stream(self) -> None:
        """End an event stream; its client then reconnects to another server."""
        if self.cycle.chunked_encoding:
            self.transport.write(b"0\r\n\r\n")
            self.cycle.response_complete = True
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self.transport.close()
