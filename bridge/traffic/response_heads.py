"""How a response's head is written: as uvicorn does it, without two searches in each header."""

from collections.abc import Awaitable, Generator
from functools import lru_cache
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

LENGTH = b"content-length: "
# They change how the body is framed, or what becomes of the connection.
UNUSUAL = frozenset({b"connection", b"transfer-encoding"})
# What would end a line, or the head, too early; a tab may stand in a value (RFC 9110, 5.5).
CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})


@lru_cache(maxsize=1024)
def begin_line(name: bytes) -> bytes:
    """Return how a header's line begins; b"" where that is left to uvicorn."""
    lower = name.lower()
    return b"" if HEADER_RE.search(name) or lower in UNUSUAL else lower + b": "


class Sent(Awaitable[None]):
    """What has been done by the time it is awaited: a coroutine would be one more to make."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


SENT = Sent()


def send(cycle: RequestResponseCycle, message: Message) -> Awaitable[None]:
    """Send an ASGI message as ``cycle.send`` does.

    The usual head, of a body of known length on a connection that stays open, is written here.
    Whatever is not as usual is uvicorn's, and so are its errors.
    """
    if (
        message["type"] == "http.response.start"
        and cycle.keep_alive
        and not (cycle.response_started or cycle.disconnected or cycle.access_log)
        and not cycle.flow.write_paused
        and _write(cycle, message)
    ):
        return SENT
    return cycle.send(message)  # type: ignore[arg-type]  # uvicorn has types of its own for these


def _write(cycle: RequestResponseCycle, message: Message) -> bool:
    """Write a usual head; do nothing, and return False, with any other."""
    status_line, headers = STATUS_LINE.get(message["status"]), message.get("headers")
    if status_line is None or not isinstance(headers, list):
        return False
    lines: list[bytes] = []
    length: bytes | None = None
    for name, value in (*cycle.default_headers, *headers):
        begun = begin_line(name)
        if not begun:
            return False
        if begun == LENGTH:
            if length is not None:
                return False
            length = value
        lines.append(begun + value)
    head = status_line + b"\r\n".join([*lines, b"", b""])
    # All at once: nothing but the ends of the lines is to be deleted.
    left = head.translate(None, CONTROLS)
    is_clean = len(head) - len(left) == 2 * (len(lines) + 2)
    if not is_clean or length is None or not length.isdigit():
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    cycle.chunked_encoding = False
    cycle.expected_content_length = int(length)
    cycle.transport.write(head)
    return True
