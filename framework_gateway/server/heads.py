"""What is refused of a request's head before there is a request."""

import re
from collections.abc import Sequence

from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

ABSOLUTE = re.compile(rb"https?://([^/?#]*)/")

Headers = Sequence[tuple[bytes, bytes]]


class Refused(Exception):
    """A head that is not served.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def head_too_large() -> Refused:
    """Return the error of a head that is larger than it may be (RFC 6585, 5)."""
    return Refused(431, "head too large")


def check_version(version: str) -> None:
    """Refuse any version but HTTP/1.0 and HTTP/1.1 (RFC 9110, 15.6.6).

    Raises:
        Refused: 505.
    """
    if version not in ("1.1", "1.0"):
        raise Refused(505, "unknown version")


def check_size(target: bytes, headers: Headers, most: int) -> None:
    """Refuse a head of more than ``most`` bytes.

    Raises:
        Refused: 431.
    """
    if len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > most:
        raise head_too_large()


def check_target(target: bytes, headers: Headers) -> None:
    """Refuse a target that names another host than Host does (RFC 9112, 3.2.2), or no path.

    A fragment is no part of a target (RFC 9112, 3.2): what it would be cut off from is not what its
    client has asked for.

    Raises:
        ValueError
    """
    if b"#" in target:
        raise ValueError("a target with a fragment")
    if target.startswith(b"/") or target == b"*":
        return
    absolute = ABSOLUTE.match(target)
    if absolute is None or (b"host", absolute[1]) not in headers:
        raise ValueError("a target for another host")


def asks_for_websocket(headers: Headers) -> bool:
    """Return whether a head asks for WebSocket and for nothing else (RFC 9110, 7.8).

    Several lines of a header are one list (RFC 9110, 5.3).
    """
    upgrades = b",".join(value for name, value in headers if name == b"upgrade")
    return upgrades.strip(b" \t").lower() == b"websocket"


def has_body(headers: Headers) -> bool:
    """Return whether a request has a body (RFC 9112, 6)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" \t0"))
        for name, value in headers
    )


def check_handshake(target: bytes, headers: Headers) -> None:
    """Refuse a WebSocket's head that websockets finds too large: uvicorn would hear nothing of it.

    Raises:
        Refused: 431.
    """
    lines = [len(target) + 20, *(len(name) + len(value) + 4 for name, value in headers)]
    if len(lines) > MAX_NUM_HEADERS or max(lines) > MAX_LINE_LENGTH:
        raise head_too_large()
