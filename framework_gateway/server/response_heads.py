"""Send responses through uvicorn: correct invalid heads, and write common heads faster."""

from collections.abc import Awaitable, Generator
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

from framework_gateway.wsgi.errors import ClientLeft

LENGTH = b"content-length: "
# Headers about the connection or the framing of the body, which the server decides.
CONNECTION_HEADERS = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding".split()
)
# Characters that could end a line or the head; a tab is allowed in a value (RFC 9110, 5.5).
CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})
DISCONNECT_GRACE = 0.5  # seconds that an application may keep sending after its client has left
BODILESS = frozenset({204, 304})
DATE, DATE_LINE = b"date", b"date: "

MAX_CACHED_NAME = 64  # bytes; longer header names are not cached


class NameTooLong(Exception):
    """A header's name is too long to cache; uvicorn writes the head."""


@lru_cache(maxsize=1024)
def header_prefix(name: bytes) -> bytes:
    """Return a header line up to the value; b"" if uvicorn must write the head.

    Raises:
        NameTooLong: the name is too long to cache.
    """
    if len(name) > MAX_CACHED_NAME:
        raise NameTooLong
    lower = name.lower()
    is_common = name and not HEADER_RE.search(name) and lower not in CONNECTION_HEADERS
    return lower + b": " if is_common else b""


@lru_cache(maxsize=16)  # the date changes once a second
def default_header_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """Return the lines of the headers that the server adds to each response.

    Returns:
        The lines; None if uvicorn must write them, because one frames the body or closes the
        connection.
    """
    if any(name in CONNECTION_HEADERS or name == b"content-length" for name, _ in headers):
        return None
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class CompletedSend(Awaitable[None]):
    """An awaitable for a message that is already sent; cheaper than a coroutine."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


class DiscardedSend(CompletedSend):
    """An awaitable for a discarded message: lets other tasks run, then may raise an error."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self.error = error

    def __await__(self) -> Generator[Any, None, None]:
        yield
        if self.error is not None:
            raise self.error


SENT = CompletedSend()
# For messages after the client has left: discard them, and after a while stop the application.
DISCARDED, RAISES_CLIENT_LEFT = DiscardedSend(), DiscardedSend(ClientLeft)


class ResponseSender(partial[Awaitable[None]]):
    """The ``send`` of one request, with access to the state of its response."""

    @property
    def state(self) -> RequestResponseCycle:
        """The state of the request in uvicorn."""
        cycle: RequestResponseCycle = self.args[0]
        return cycle


def send(cycle: RequestResponseCycle, message: Message) -> Awaitable[None]:
    """Send an ASGI message as ``cycle.send`` does.

    This function writes the most common head itself: a body of known length on a connection that
    stays open. uvicorn handles everything else, and raises the errors.

    Returns:
        An awaitable. If the client has left, it is DISCARDED, which does nothing, or
        RAISES_CLIENT_LEFT.
    """
    if message["type"] == "http.response.start" and not cycle.response_started:
        if cycle.disconnected:
            return DISCARDED
        is_common = cycle.keep_alive and not (
            cycle.access_log or cycle.flow.write_paused or cycle.waiting_for_100_continue
        )
        if is_common and _write_common_head(cycle, message):
            return SENT
        message = _clean_head(cycle, message)
    elif (cycle.disconnected or message.get("more_body", False)) and (
        discarded := _check_disconnected(cycle, message)
    ) is not None:
        return discarded
    elif cycle.chunked_encoding is None and "body" in message:
        # 204, 304 or HEAD: the client would read a body as the next response.
        message = {**message, "body": b""}
    if cycle.flow.write_paused:
        return _send_later(cycle, message)
    if not cycle.response_started:
        return _send_head(cycle, message)
    return cycle.send(message)  # type: ignore[arg-type]  # uvicorn has its own types for messages


async def _send_head(cycle: RequestResponseCycle, message: Message) -> None:
    """Send a head; if uvicorn refuses it, reset the state so that another can follow."""
    try:
        await cycle.send(message)  # type: ignore[arg-type]
    # Whatever uvicorn raises: it checks the whole head before it writes anything.
    except Exception:
        cycle.response_started, cycle.chunked_encoding = False, None
        raise


async def _send_later(cycle: RequestResponseCycle, message: Message) -> None:
    """Send when the buffer has drained; report a client that has left, which uvicorn does not."""
    await cycle.flow.drain()
    discarded = _check_disconnected(cycle, message)
    if discarded is not None:
        await discarded
    elif cycle.response_started:
        await cycle.send(message)  # type: ignore[arg-type]
    else:
        await _send_head(cycle, message)


def _check_disconnected(cycle: RequestResponseCycle, message: Message) -> DiscardedSend | None:
    """Return DISCARDED or RAISES_CLIENT_LEFT if the client has left, else None."""
    # A closing transport reports the lost connection in a later callback, which an application that
    # sends in a loop would delay.
    has_more = message.get("more_body", False)
    if has_more and cycle.transport.is_closing():
        cycle.disconnected = True
    if not cycle.disconnected:
        return None
    # The application may finish normally, including background tasks, if that is quick.
    since = cycle.__dict__.setdefault("client_left_at", monotonic())
    return RAISES_CLIENT_LEFT if has_more and monotonic() - since > DISCONNECT_GRACE else DISCARDED


class BodyLength:
    """Whether the length of a response's body is known."""

    is_known = True


def send_http10(
    cycle: RequestResponseCycle, length: BodyLength, message: Message
) -> Awaitable[None]:
    """Send an ASGI message to an HTTP/1.0 client, which cannot read chunks (RFC 9112, 6.1).

    The end of the connection marks the end of a body of unknown length (RFC 9112, 6.3).
    """
    if message["type"] == "http.response.start" and not cycle.response_started:
        message = {**message, "headers": [*message.get("headers", ())]}
        has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
        has_body = cycle.scope["method"] != "HEAD" and message["status"] not in (204, 304)
        if has_body and not has_length:
            length.is_known = cycle.chunked_encoding = False
    elif not length.is_known:
        # uvicorn must take each piece for the whole body.
        cycle.expected_content_length = len(message.get("body", b""))
    return send(cycle, message)


def _clean_head(cycle: RequestResponseCycle, message: Message) -> Message:
    """Return the message without the headers that only the server may send.

    Raises:
        RuntimeError: the status is not final (RFC 9110, 15.2), a header has no name, or the
            Content-Length is not a single number (RFC 9110, 8.6).
    """
    status = message["status"]
    if status < 200:
        raise RuntimeError(f"An application cannot answer with status {status}")
    if cycle.waiting_for_100_continue and cycle.more_body and not cycle.body:
        # The client may or may not send the body now, so the next bytes are ambiguous.
        cycle.keep_alive = False
    headers = [header for header in message.get("headers", ()) if not _is_reserved(*header)]
    if status in BODILESS:
        # A 304 may have it, but uvicorn would wait for that many bytes.
        headers = [header for header in headers if header[0].lower() != b"content-length"]
    lengths = {value.strip() for name, value in headers if name.lower() == b"content-length"}
    if not all(name for name, _ in headers):
        raise RuntimeError("A header has no name")
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise RuntimeError(f"Invalid Content-Length: {lengths}")
    dates = [header for header in headers if header[0].lower() == DATE]
    if dates:
        # The application's Date replaces the server's.
        headers = [*(header for header in headers if header[0].lower() != DATE), dates[-1]]
        cycle.default_headers = [header for header in cycle.default_headers if header[0] != DATE]
    return {**message, "headers": headers}


def _is_reserved(name: bytes, value: bytes) -> bool:
    """Return whether only the server may send a header; ``Connection: close`` is allowed."""
    lower = name.lower()
    return lower in CONNECTION_HEADERS and not (
        lower == b"connection" and b"close" in value.lower()
    )


def _write_common_head(cycle: RequestResponseCycle, message: Message) -> bool:
    """Write a common head and return True; return False for any other head."""
    status, headers = message["status"], message.get("headers")
    status_line = STATUS_LINE.get(status)
    if status_line is None or not isinstance(headers, list) or status in BODILESS or status < 200:
        return False
    lines: list[bytes] = []
    length: bytes | None = None
    defaults = cycle.default_headers
    for name, value in headers:
        try:
            prefix = header_prefix(name)
        except NameTooLong:
            return False
        if not prefix:
            return False
        if prefix == LENGTH:
            if length is not None:
                return False
            length = value
        elif prefix == DATE_LINE:
            if defaults is not cycle.default_headers:
                return False
            # The application's Date replaces the server's.
            defaults = [header for header in defaults if header[0] != DATE]
        lines.append(prefix + value)
    if length is None or not length.isdigit():
        return False
    head = b"\r\n".join([*lines, b"", b""])
    # One check for all lines: translate() must delete only the line ends.
    left = head.translate(None, CONTROLS)
    default_lines = default_header_lines(tuple(defaults))
    if default_lines is None or len(head) - len(left) != 2 * (len(lines) + 1):
        return False
    cycle.response_started = True
    cycle.chunked_encoding = False
    cycle.expected_content_length = int(length)
    cycle.transport.write(status_line + default_lines + head)
    return True
