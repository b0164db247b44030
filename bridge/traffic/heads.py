"""What is refused of a request's head before there is a request."""

import re
from collections.abc import Sequence

from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

ABSOLUTE = re.compile(rb"https?://([^/?#]*)/")

Headers = Sequence[tuple[bytes, bytes]]


class HeadTooLarge(Exception):
    """The head is larger than it may be; the message says in what."""


def check_size(target: bytes, headers: Headers, most: int) -> None:
    """Refuse a head of more than ``most`` bytes.

    Raises:
        HeadTooLarge
    """
    if len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > most:
        raise HeadTooLarge("head too large")


def check_target(target: bytes, headers: Headers) -> None:
    """Refuse a target that names another host than Host does (RFC 9112, 3.2.2), or no path.

    Raises:
        ValueError
    """
    if target == b"*":
        return
    absolute = ABSOLUTE.match(target)
    if absolute is None or (b"host", absolute[1]) not in headers:
        raise ValueError("a target for another host")


def check_handshake(target: bytes, headers: Headers) -> None:
    """Refuse a WebSocket's head that websockets finds too large: uvicorn would hear nothing of it.

    Raises:
        HeadTooLarge
    """
    lines = [len(target) + 20, *(len(name) + len(value) + 4 for name, value in headers)]
    if len(lines) > MAX_NUM_HEADERS or max(lines) > MAX_LINE_LENGTH:
        raise HeadTooLarge("head too large")
