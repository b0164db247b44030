"""One HTTP/1.1 connection to an upstream server; it carries one request at a time."""

import asyncio

import httptools

from framework_gateway.proxy.errors import (
    CLOSED,
    HEAD_TOO_LARGE,
    INCOMPLETE,
    MALFORMED,
    UpstreamError,
)
from framework_gateway.proxy.heads import Header

MAX_HEAD = 64 * 1024  # bytes of a response's head, with all interim responses before it
HIGH_WATER = 64 * 1024  # bytes of a body that wait here for the client; then reading pauses
PADDING = 64 * 1024  # bytes of chunk sizes, extensions and trailers beyond eight times the body
BODILESS = frozenset({204, 304})


class Malformed(ValueError):
    """The response could be read in two ways."""


class Connection(asyncio.Protocol):
    """A connection, and the response that it receives.

    Attributes:
        status: of the final response; 0 before its head.
        headers: of the response, with names in lower case.
        interim: interim responses (1xx) that have not been handled: status and headers.
        is_complete: whether the whole response has been received.
        is_reusable: whether another request may follow.
        buffered: bytes of the body that have not been taken.
        error: why the response will not be complete.
        has_progressed: whether bytes have moved since this was last reset.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._parser: httptools.HttpResponseParser | None = None
        self.is_active = self.is_complete = self.is_lost = False
        self.is_read_paused = self.is_write_paused = False
        self.is_reusable = True
        self.requests = 0
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def begin(self, is_head: bool) -> None:
        """Prepare for the response to the next request.

        Args:
            is_head: whether the request's method is HEAD.
        """
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._is_head = is_head
        self._received = self._body_size = self.buffered = 0
        self._ends_with_connection = False
        self.status = 0
        self.headers: list[Header] = []
        self.interim: list[tuple[int, list[Header]]] = []
        self.error: BaseException | None = None
        self.is_active = self.has_progressed = True
        self.is_complete = False
        self.requests += 1

    # Receiving

    def data_received(self, data: bytes) -> None:
        if not self.is_active or self.is_complete:
            # Nobody has asked for this, so it must not become the next response.
            self.is_reusable = False
            return self.transport.abort()
        self.has_progressed = True
        self._received += len(data)
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr]
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.is_reusable = False
            if not self.is_complete:
                self.fail(UpstreamError(MALFORMED, str(error.__context__ or error)))
        else:
            self._check_sizes()
        if self._waiter is not None:
            self._wake()
        elif self.buffered > HIGH_WATER and not self.is_read_paused:
            self.is_read_paused = True
            self.transport.pause_reading()

    def _check_sizes(self) -> None:
        if not self.status:
            if self._received > MAX_HEAD:
                self.fail(UpstreamError(HEAD_TOO_LARGE))
        elif self._received > 8 * self._body_size + MAX_HEAD + PADDING:
            self.fail(UpstreamError(MALFORMED, "more padding than body"))

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise Malformed("a second response")

    def on_header(self, name: bytes, value: bytes) -> None:
        # After the head come trailers, which are not passed on.
        if not self.status:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0") or not 100 <= status <= 999 or status == 101:
            raise Malformed(f"HTTP/{version} {status}")
        if status < 200:
            self.interim.append((status, self.headers))
            self.headers = []
            return
        self._check_framing(version)
        self.status = status
        if self._is_head or status in BODILESS:
            # The parser expects a body that does not come (RFC 9112, 6.3).
            self.is_complete = True
            self._parser = None
            if version != "1.1" or self._has_close() or self.values(b"transfer-encoding"):
                self.is_reusable = False

    def _check_framing(self, version: str) -> None:
        """Refuse a body that two parsers could frame differently (RFC 9112, 6.3).

        Raises:
            Malformed: it is one.
        """
        codings = self.values(b"transfer-encoding")
        lengths = self.values(b"content-length")
        if codings and (version != "1.1" or lengths or len(codings) > 1):
            raise Malformed("two framings")
        if codings and codings[0].strip(b" \t").lower() != b"chunked":
            raise Malformed("an unknown transfer coding")
        if lengths and (len(lengths) > 1 or not lengths[0].strip(b" \t").isdigit()):
            raise Malformed("an invalid Content-Length")
        self._ends_with_connection = not codings and not lengths

    def values(self, wanted: bytes) -> list[bytes]:
        """Return the values of a header."""
        return [value for name, value in self.headers if name == wanted]

    def _has_close(self) -> bool:
        return any(b"close" in value.lower() for value in self.values(b"connection"))

    def on_body(self, body: bytes) -> None:
        if self.is_complete:
            raise Malformed("a body where none may be")
        self._pieces.append(body)
        self._body_size += len(body)
        self.buffered += len(body)

    def on_message_complete(self) -> None:
        if not self.status or self._parser is None:
            return  # an interim response, or one without a body
        self.is_complete = True
        if not self._parser.should_keep_alive():
            self.is_reusable = False

    def take(self) -> bytes:
        """Return the received part of the body, and read on."""
        if not self._pieces:
            return b""
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.buffered = 0
        return body

    def resume(self) -> None:
        """Read on after a pause."""
        if self.is_read_paused:
            self.is_read_paused, self.has_progressed = False, True
            self.transport.resume_reading()

    async def wait(self) -> None:
        """Wait until there is more of the response, or an error."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Sending

    def write(self, data: bytes) -> None:
        """Write a part of the request."""
        self.has_progressed = True
        self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the server has read enough to write more, or the connection has ended."""
        if self.is_write_paused and not self.is_lost:
            self._drained = self._loop.create_future()
            await self._drained

    def pause_writing(self) -> None:
        self.is_write_paused = True

    def resume_writing(self) -> None:
        self.is_write_paused, self.has_progressed = False, True
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # The end

    def fail(self, error: BaseException) -> None:
        """Give the response up, and close the connection."""
        if self.error is None:
            self.error = error
        self.is_reusable = False
        self.transport.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.is_reusable = False
        self.resume_writing()
        if not self.is_active or self.is_complete:
            return
        if self.status and self._ends_with_connection and exc is None and self.error is None:
            self.is_complete = True
        elif self.error is None:
            was_idle = self.requests > 1 and not self._received
            fault = INCOMPLETE if self.status else CLOSED
            self.error = UpstreamError(fault, str(exc or ""), was_idle=was_idle)
        self._wake()
