"""uvicorn's HTTP connection with limits: on heads, on slow clients, and on what follows a body.

Nothing here costs a timer a request. Each connection notes when it began to wait for what, and
``check``, called about once a second, looks whether that was too long ago.
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
    asks_for_websocket,
    check_handshake,
    check_size,
    check_target,
    check_version,
    has_body,
)
from framework_gateway.server.limits import Limits
from framework_gateway.server.lingering import Lingering
from framework_gateway.server.readers import ReaderClock
from framework_gateway.server.response_heads import Length, Sending, send, send_until_close
from framework_gateway.server.sockets import Socket

EVENT_STREAM = "bridge.event_stream"  # set in the scope of an answer that ends with the server
MIN_RATE = 500  # bytes of a body that buy it one more second
LINGER = 2.0  # seconds in which a client may still read why it was refused
INVALID_VERSION = "Invalid HTTP version"  # what llhttp says of one that it does not know
HASH = ord("#")  # a number is found in bytes ten times as fast as b"#"
LAST_CALL = 1.0  # seconds that a new connection has for its first request when the server stops

# What connections of this process were refused for.
refused: Counter[str] = Counter()


def refuse_in_text(status: int) -> Response:
    """Answer with nothing but the status."""
    return PlainTextResponse(status_code=status)


class Config(uvicorn.Config):
    """uvicorn's configuration, and the limits.

    Args:
        app: the ASGI application, or what uvicorn takes for one.
        limits: of each connection.
        refuse: renders an answer that no application gives; with several worker processes, a
            function of a module.
        options: uvicorn's own.
    """

    def __init__(
        self,
        app: Any,
        *,
        limits: Limits | None = None,
        refuse: Callable[[int], Response] = refuse_in_text,
        **options: Any,
    ) -> None:
        self.limits = limits or Limits()
        self.refuse = refuse
        super().__init__(app, http=Connection, ws=Socket, **options)


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    config: Config

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limits = self.config.limits
        self.head_since: float | None = None  # when the head that is being received began
        self.head_size = 0
        self.receiving = False  # a body
        self.received = self.body_size = 0
        self.waited: float | None = None  # seconds for the body, from the first look at it on
        self.checked = self.loop.time()
        # Whether an upgrade that the head asks for is taken; None where it asks for none.
        self.upgrade: bool | None = None
        self.refused_at: float | None = None
        self.stopping = False
        self.answered: RequestResponseCycle | None = None

    # What comes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reader = ReaderClock(transport)
        self.context: Context = copy_context()
        self.head_since = self.loop.time()
        if len(self.connections) > self.limits.max_connections:
            self.refuse(503, "too many connections")

    def data_received(self, data: bytes) -> None:
        if self.refused_at is not None:
            return
        if self.receiving:
            self.received += len(data)
        else:
            if self.head_since is None:
                self.head_since = self.loop.time()
                self.head_size = 0
            self.head_size += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self.refused_at is not None:
            return
        if self.head_since is not None and self.head_size > self.limits.max_head_size:
            self.refuse(431, "head too large")
        elif self.receiving and self._is_padded():
            self.refuse(431, "chunks of nothing")

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser, which stops behind each head that asks for an upgrade."""
        while True:
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                if self.upgrade:
                    return self.handle_websocket_upgrade()
                data = memoryview(data)[stop.args[0] :]
            except httptools.HttpParserError as error:
                return self._refuse_for(error)
            try:
                self._ignore_upgrade()
            except httptools.HttpParserError as error:
                return self._refuse_for(error)

    def _ignore_upgrade(self) -> None:
        """Parse the head again without its Upgrade (RFC 9110, 7.8).

        The parser takes what is behind a head with it for another protocol, and not for a body.
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
            # What has come may be the beginning of a body as well.
            check_size(self.url, self.headers, limits.max_head_size)
        if HASH in self.url or not self.url.startswith(b"/"):
            check_target(self.url, self.headers)
        self.upgrade = self._takes_upgrade(version) if self.parser.should_upgrade() else None
        if self.upgrade is False:
            return  # _ignore_upgrade follows
        super().on_headers_complete()
        self.head_since = None
        self.receiving = True
        self.received = self.body_size = 0
        self.waited = None
        if self.upgrade:
            return
        # Trailers must not become headers of a request that has been looked at (RFC 9110, 6.5.1).
        self.headers = []
        if self.stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        super().on_body(body)

    def _should_upgrade(self) -> bool:
        return self._should_upgrade_to_ws() and asks_for_websocket(self.headers)

    def _takes_upgrade(self, version: str) -> bool:
        """Return whether the head is that of a WebSocket's handshake (RFC 6455, 4.1).

        Raises:
            ValueError: it asks for what can neither be done nor ignored.
            Refused: 431.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise ValueError("this is no proxy")
        is_handshake = version == "1.1" and method == b"GET" and self._should_upgrade()
        if not is_handshake or has_body(self.headers):
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            raise ValueError("the answer to an upgrade would cut into the one before it")
        check_handshake(self.url, self.headers)
        return True

    def on_message_complete(self) -> None:
        if self.upgrade is not None:
            return  # there is only a head: _parse knows how to go on
        self.receiving = False
        self.head_size = 0
        super().on_message_complete()
        if self.headers and not self.parser.should_keep_alive():
            self._end_after_answer()
        elif self.cycle is not None and self.cycle.response_complete:
            # What came behind an early answer has stopped uvicorn's keep-alive timer for good.
            self.head_since = self.loop.time()

    def _end_after_answer(self) -> None:
        """Take nothing more behind this request, which has said so in a trailer."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _is_padded(self) -> bool:
        """Tell of a body that is mostly chunk extensions or trailers, which nothing else bounds."""
        room = 2 * self.limits.max_head_size
        return (
            self.received > 8 * self.body_size + room or len(self.headers) > self.limits.max_headers
        )

    # Refusing

    def _refuse_for(self, error: httptools.HttpParserError) -> None:
        """Refuse what could not be parsed, or was given up while it was."""
        if isinstance(error.__context__, Refused):
            self.refuse(error.__context__.status, str(error.__context__))
        elif str(error) == INVALID_VERSION:
            self.refuse(505, "unknown version")
        else:
            self.refuse(400, "malformed")

    def refuse(self, status: int, reason: str) -> None:
        """Answer and end the connection, unless that would cut into another request's answer."""
        refused[reason] += 1
        cycle = self.cycle
        is_answering = cycle is not None and not cycle.response_complete
        if is_answering and not self.receiving:
            # What is refused came behind a request whose answer is still on its way.
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.receiving and (cycle.response_started or self.pipeline):
            self.transport.abort()
            return
        self._answer(status)
        self.linger()
        if is_answering:
            cycle.disconnected = True
            cycle.message_event.set()

    def _answer(self, status: int) -> None:
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
        """Take nothing more, and end the connection when the client has read what was sent."""
        self.refused_at = self.loop.time()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # What is being answered: with pipelining, an earlier request than the last that has come

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answered = cycle

        def answer(scope: Any, receive: Any, _send: Any) -> Any:
            if scope["http_version"] == "1.0":
                cycle.transport = Lingering(self, cycle)  # type: ignore[assignment]
                return app(scope, receive, Sending(send_until_close, cycle, Length()))
            if cycle.more_body:
                cycle.transport = Lingering(self, cycle)  # type: ignore[assignment]
            return app(scope, receive, Sending(send, cycle))

        super()._start_asgi_task(cycle, answer)

    def on_response_complete(self) -> None:
        if self.pipeline:
            # The application that has answered is still here. The next request in the pipeline
            # starts without the values of its context variables.
            self.context.run(super().on_response_complete)
        else:
            super().on_response_complete()

    def resume_writing(self) -> None:
        self.reader.drains += 1
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered is not None and not self.answered.response_complete:
            self.answered.disconnected = True
            self.answered.message_event.set()
        super().connection_lost(exc)

    # What takes too long

    def check(self, now: float) -> None:
        """Refuse or cut off a client that has been too slow; ``now`` is the loop's time."""
        passed, self.checked = now - self.checked, now
        if self.reader.stalled_for(now) > self.limits.send_timeout:
            refused["stalled reader"] += 1
            self.transport.abort()
        elif self.refused_at is not None:
            if self.transport.get_write_buffer_size():
                self.refused_at = now
            elif now - self.refused_at > LINGER:
                self.transport.abort()
        elif self.head_since is not None:
            self._check_head(now - self.head_since)
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
        # The application's own time does not count: reading is paused then, or not yet asked for.
        if self.cycle is None or self.cycle.waiting_for_100_continue:
            return
        self.waited = 0.0 if self.waited is None else self.waited + passed
        if self.waited > self.limits.body_timeout + self.body_size / MIN_RATE:
            self.refuse(408, "slow body")

    # The end

    def shutdown(self) -> None:
        """Begin a graceful stop: what has been asked is answered, and nothing more is taken."""
        self.stopping = True
        if self.head_since is not None:
            # Accepted, and its request is under way: closed now, it would be lost.
            self.loop.call_later(LAST_CALL, self._close_without_request)
            return
        super().shutdown()
        if not self.cycle.response_complete and self.cycle.scope.get(EVENT_STREAM):
            self._end_event_stream()

    def _close_without_request(self) -> None:
        if self.head_since is not None:
            self.transport.close()

    def _end_event_stream(self) -> None:
        """End an answer that never ends by itself; its reader connects again, to another server."""
        if self.cycle.chunked_encoding:
            self.transport.write(b"0\r\n\r\n")
            self.cycle.response_complete = True
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self.transport.close()
