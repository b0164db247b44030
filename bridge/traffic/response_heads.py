"""How a response is sent: by uvicorn, with what the server decides; the usual head cheaper."""

from collections.abc import Awaitable, Generator
from functools import lru_cache
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

from bridge.exchange import ClientLeft

LENGTH = b"content-length: "
# They change how the body is framed, or what becomes of the connection.
UNUSUAL = frozenset({b"connection", b"keep-alive", b"transfer-encoding"})
# What would end a line, or the head, too early; a tab may stand in a value (RFC 9110, 5.5).
CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})
DATE, DATE_LINE = b"date", b"date: "


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
    return b"" if HEADER_RE.search(name) or lower in UNUSUAL else lower + b": "


class Sent(Awaitable[None]):
    """What has been done by the time it is awaited: a coroutine would be one more to make."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


SENT, DROPPED = Sent(), Sent()


def send(cycle: RequestResponseCycle, message: Message) -> Awaitable[None]:
    """Send an ASGI message as ``cycle.send`` does.

    The usual head, of a body of known length on a connection that stays open, is written here.
    Whatever is not as usual is uvicorn's, and so are its errors.

    Returns:
        DROPPED: the client has left, and the application is done in any case.

    Raises:
        ClientLeft: the client has left, and the application is to stop.
    """
    if _has_left(cycle, message):
        return DROPPED
    if message["type"] == "http.response.start" and not cycle.response_started:
        if _is_usual(cycle) and _write(cycle, message):
            return SENT
        message = _prepare(cycle, message)
    if cycle.flow.write_paused:
        return _send_later(cycle, message)
    return cycle.send(message)  # type: ignore[arg-type]  # uvicorn has types of its own for these


async def _send_later(cycle: RequestResponseCycle, message: Message) -> None:
    """Send when the client has read on; uvicorn would drop it unsaid where the client has left."""
    await cycle.flow.drain()
    if not _has_left(cycle, message):
        await cycle.send(message)  # type: ignore[arg-type]


def _has_left(cycle: RequestResponseCycle, message: Message) -> bool:
    """Return whether nobody is there to send to; raise ClientLeft where there is more to come."""
    # A transport that has failed to write is closing, and says so later: an application that reads
    # and sends in a loop would keep the event loop from hearing it.
    if not (cycle.disconnected or cycle.transport.is_closing()):
        return False
    cycle.disconnected = True
    if message.get("more_body"):
        raise ClientLeft
    return True


class UntilClose:
    """Answers an HTTP/1.0 client, which knows no chunks (RFC 9112, 6.1).

    A body of unknown length ends with the connection (6.3).
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self.cycle = cycle
        self.has_no_length = False

    def send(self, message: Message) -> Awaitable[None]:
        """Send an ASGI message, as the function ``send`` does."""
        cycle = self.cycle
        if message["type"] == "http.response.start" and not cycle.response_started:
            message = {**message, "headers": [*message.get("headers", ())]}
            has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
            has_body = cycle.scope["method"] != "HEAD" and message["status"] not in (204, 304)
            if has_body and not has_length:
                self.has_no_length = True
                cycle.chunked_encoding = False
        elif self.has_no_length:
            # For uvicorn, each piece is all that there is.
            cycle.expected_content_length = len(message.get("body", b""))
        return send(cycle, message)


def _prepare(cycle: RequestResponseCycle, message: Message) -> Message:
    """Return a head for uvicorn to write, without what is the server's to say."""
    if cycle.waiting_for_100_continue and cycle.more_body and not cycle.body:
        # The client may send the body now, or never: what comes next would be read as either.
        cycle.keep_alive = False
    headers = [header for header in message.get("headers", ()) if not _is_servers(*header)]
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


def _is_usual(cycle: RequestResponseCycle) -> bool:
    return (
        cycle.keep_alive
        and not cycle.access_log
        and not cycle.flow.write_paused
        and not cycle.waiting_for_100_continue
    )


def _write(cycle: RequestResponseCycle, message: Message) -> bool:
    """Write a usual head; do nothing, and return False, with any other."""
    status_line, headers = STATUS_LINE.get(message["status"]), message.get("headers")
    if status_line is None or not isinstance(headers, list):
        return False
    lines: list[bytes] = []
    length: bytes | None = None
    dated: int | None = None
    for name, value in (*cycle.default_headers, *headers):
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
        elif begun == DATE_LINE:
            if dated is not None:
                lines[dated] = begun + value
                continue
            dated = len(lines)
        lines.append(begun + value)
    head = status_line + b"\r\n".join([*lines, b"", b""])
    # All at once: nothing but the ends of the lines is to be deleted.
    left = head.translate(None, CONTROLS)
    is_clean = len(head) - len(left) == 2 * (len(lines) + 2)
    if not is_clean or length is None or not length.isdigit():
        return False
    cycle.response_started = True
    cycle.chunked_encoding = False
    cycle.expected_content_length = int(length)
    cycle.transport.write(head)
    return True
