"""How a response is sent: by uvicorn, with what the server decides; the usual head cheaper."""

from collections.abc import Awaitable, Generator
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

from framework_gateway.wsgi.exchange import ClientLeft

LENGTH = b"content-length: "
# They change how the body is framed, or what becomes of the connection.
UNUSUAL = frozenset(b"connection keep-alive proxy-connection te trailer transfer-encoding".split())
# What would end a line, or the head, too early; a tab may stand in a value (RFC 9110, 5.5).
CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})
FAREWELL = 0.5  # seconds that an application may send to nobody
BODILESS = frozenset({204, 304})
DATE = b"date"

LONGEST_NAME = 64  # bytes of a header's name that is worth keeping


class UnusualName(Exception):
    """A header's name that is left to uvicorn, and not kept."""


@lru_cache(maxsize=1024)
def begin_line(name: bytes) -> bytes:
    """Return how a header's line begins; b"" where that is left to uvicorn.

    Raises:
        UnusualName: it is too long to keep.
    """
    if len(name) > LONGEST_NAME:
        raise UnusualName
    lower = name.lower()
    is_usual = name and not HEADER_RE.search(name) and lower not in UNUSUAL and lower != DATE
    return lower + b": " if is_usual else b""


@lru_cache(maxsize=16)  # the date changes once a second
def default_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """Return the lines of the headers that the server adds to each answer.

    Returns:
        None when one of them frames the body or ends the connection: uvicorn heeds those.
    """
    if any(name in UNUSUAL or name == b"content-length" for name, _ in headers):
        return None
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class Sent(Awaitable[None]):
    """What has been done by the time it is awaited: a coroutine would be one more to make."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


class NotSent(Sent):
    """What could not be sent: others have a turn before the application goes on or fails."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self.error = error

    def __await__(self) -> Generator[Any, None, None]:
        yield
        if self.error is not None:
            raise self.error


SENT = Sent()
# The client has left. An application that sends on for some time is to stop, and may not keep the
# event loop busy if it does not.
DROPPED, STOPPED = NotSent(), NotSent(ClientLeft)


class Sending(partial[Awaitable[None]]):
    """The ``send`` of one request, which knows what has become of its answer."""

    @property
    def state(self) -> RequestResponseCycle:
        """uvicorn's side of the request."""
        cycle: RequestResponseCycle = self.args[0]
        return cycle


def send(cycle: RequestResponseCycle, message: Message) -> Awaitable[None]:
    """Send an ASGI message as ``cycle.send`` does.

    The usual head, of a body of known length on a connection that stays open, is written here.
    Whatever is not as usual is uvicorn's, and so are its errors.

    Returns:
        DROPPED, which does nothing, or STOPPED, which raises ClientLeft, when the client has left.
    """
    if message["type"] == "http.response.start" and not cycle.response_started:
        if cycle.disconnected:
            return DROPPED
        is_usual = cycle.keep_alive and not (
            cycle.access_log or cycle.flow.write_paused or cycle.waiting_for_100_continue
        )
        if is_usual and _write(cycle, message):
            return SENT
        message = _prepare(cycle, message)
    elif (cycle.disconnected or message.get("more_body", False)) and (
        lost := _find_loss(cycle, message)
    ) is not None:
        return lost
    elif cycle.chunked_encoding is None and "body" in message:
        # Status 204 or 304, or an answer to HEAD: bytes would be read as the next answer.
        message = {**message, "body": b""}
    if cycle.flow.write_paused:
        return _send_later(cycle, message)
    if not cycle.response_started:
        return _send_head(cycle, message)
    return cycle.send(message)  # type: ignore[arg-type]  # uvicorn has types of its own for these


async def _send_head(cycle: RequestResponseCycle, message: Message) -> None:
    """Send a head; one that is refused has begun no answer, so another can take its place."""
    try:
        await cycle.send(message)  # type: ignore[arg-type]
    # Whatever uvicorn finds wrong with a head, it has written nothing of it.
    except Exception:
        cycle.response_started, cycle.chunked_encoding = False, None
        raise


async def _send_later(cycle: RequestResponseCycle, message: Message) -> None:
    """Send when the client has read on; uvicorn would drop it unsaid where the client has left."""
    await cycle.flow.drain()
    lost = _find_loss(cycle, message)
    if lost is not None:
        await lost
    elif cycle.response_started:
        await cycle.send(message)  # type: ignore[arg-type]
    else:
        await _send_head(cycle, message)


def _find_loss(cycle: RequestResponseCycle, message: Message) -> NotSent | None:
    """Return what becomes of a message when nobody is there to send it to; else None."""
    # A transport that has failed to write is closing, and says so later: an application that reads
    # and sends in a loop would keep the event loop from hearing it.
    goes_on = message.get("more_body", False)
    if goes_on and cycle.transport.is_closing():
        cycle.disconnected = True
    if not cycle.disconnected:
        return None
    # An application comes to its own end, background tasks included, if that does not take long.
    since = cycle.__dict__.setdefault("dropped_since", monotonic())
    return STOPPED if goes_on and monotonic() - since > FAREWELL else DROPPED


class Length:
    """Whether the length of an answer's body is known."""

    is_known = True


def send_until_close(
    cycle: RequestResponseCycle, length: Length, message: Message
) -> Awaitable[None]:
    """Send an ASGI message to an HTTP/1.0 client, which knows no chunks (RFC 9112, 6.1).

    A body of unknown length ends with the connection (6.3).
    """
    if message["type"] == "http.response.start" and not cycle.response_started:
        message = {**message, "headers": [*message.get("headers", ())]}
        has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
        has_body = cycle.scope["method"] != "HEAD" and message["status"] not in (204, 304)
        if has_body and not has_length:
            length.is_known = cycle.chunked_encoding = False
    elif not length.is_known:
        # For uvicorn, each piece is all that there is.
        cycle.expected_content_length = len(message.get("body", b""))
    return send(cycle, message)


def _prepare(cycle: RequestResponseCycle, message: Message) -> Message:
    """Return a head for uvicorn to write, without what is the server's to say.

    Raises:
        RuntimeError: the status is no final one (RFC 9110, 15.2), a header has no name, or the
            length is not one number (RFC 9110, 8.6).
    """
    status = message["status"]
    if status < 200:
        raise RuntimeError(f"An application cannot answer with status {status}")
    if cycle.waiting_for_100_continue and cycle.more_body and not cycle.body:
        # The client may send the body now, or never: what comes next would be read as either.
        cycle.keep_alive = False
    headers = [header for header in message.get("headers", ()) if not _is_servers(*header)]
    if status in BODILESS:
        # In a 304 it would be allowed, and uvicorn would wait for as many bytes.
        headers = [header for header in headers if header[0].lower() != b"content-length"]
    lengths = {value.strip() for name, value in headers if name.lower() == b"content-length"}
    if not all(name for name, _ in headers):
        raise RuntimeError("A header has no name")
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise RuntimeError(f"Not a Content-Length: {lengths}")
    dates = [header for header in headers if header[0].lower() == DATE]
    if dates:
        # The application's own stands in the place of the server's.
        headers = [*(header for header in headers if header[0].lower() != DATE), dates[-1]]
        cycle.default_headers = [header for header in cycle.default_headers if header[0] != DATE]
    return {**message, "headers": headers}


def _is_servers(name: bytes, value: bytes) -> bool:
    """Return whether a header is about the connection, and does not ask for its end."""
    lower = name.lower()
    return lower in UNUSUAL and not (lower == b"connection" and b"close" in value.lower())


def _write(cycle: RequestResponseCycle, message: Message) -> bool:
    """Write a usual head; do nothing, and return False, with any other."""
    status, headers = message["status"], message.get("headers")
    status_line = STATUS_LINE.get(status)
    if status_line is None or not isinstance(headers, list) or status in BODILESS or status < 200:
        return False
    lines: list[bytes] = []
    length: bytes | None = None
    for name, value in headers:
        try:
            begun = begin_line(name)
        except UnusualName:
            return False
        if not begun:
            return False
        if begun == LENGTH:
            if length is not None:
                return False
            length = value
        lines.append(begun + value)
    if length is None or not length.isdigit():
        return False
    head = b"\r\n".join([*lines, b"", b""])
    # All at once: nothing but the ends of the lines is to be deleted.
    left = head.translate(None, CONTROLS)
    defaults = default_lines(tuple(cycle.default_headers))
    if defaults is None or len(head) - len(left) != 2 * (len(lines) + 1):
        return False
    cycle.response_started = True
    cycle.chunked_encoding = False
    cycle.expected_content_length = int(length)
    cycle.transport.write(status_line + defaults + head)
    return True
