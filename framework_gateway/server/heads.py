"""Checks of a request's head, before the application receives the request."""

import re
from collections.abc import Sequence

from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

ABSOLUTE = re.compile(rb"https?://([^/?#]*)/")

Headers = Sequence[tuple[bytes, bytes]]


class Refused(Exception):
    """The head of a request is refused.

    Attributes:
        status: the status code of the error response.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def head_too_large() -> Refused:
    """Return the error for a head that is too large (RFC 6585, 5)."""
    return Refused(431, "head too large")


def check_version(version: str) -> None:
    """Refuse versions other than HTTP/1.0 and HTTP/1.1 (RFC 9110, 15.6.6).

    Raises:
        Refused: 505.
    """
    if version not in ("1.1", "1.0"):
        raise Refused(505, "unknown version")


def check_size(target: bytes, headers: Headers, max_size: int) -> None:
    """Refuse a head of more than ``max_size`` bytes.

    Raises:
        Refused: 431.
    """
    if len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > max_size:
        raise head_too_large()


def check_target(target: bytes, headers: Headers) -> None:
    """Refuse a target without a path, with a fragment, or with another host than the Host header.

    A target must not have a fragment (RFC 9112, 3.2): removing it would change the request. An
    absolute target must name the same host as the Host header (RFC 9112, 3.2.2).

    Raises:
        ValueError: the target is refused.
    """
    if b"#" in target:
        raise ValueError("a target with a fragment")
    if target.startswith(b"/") or target == b"*":
        return
    absolute = ABSOLUTE.match(target)
    if absolute is None or (b"host", absolute[1]) not in headers:
        raise ValueError("a target for another host")


def requests_websocket(headers: Headers) -> bool:
    """Return whether the only upgrade that a head requests is WebSocket (RFC 9110, 7.8).

    Header lines with the same name form one list (RFC 9110, 5.3).
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
    """Refuse a handshake that is too large for websockets, which would not report it to uvicorn.

    Raises:
        Refused: 431.
    """
    lines = [len(target) + 20, *(len(name) + len(value) + 4 for name, value in headers)]
    if len(lines) > MAX_NUM_HEADERS or max(lines) > MAX_LINE_LENGTH:
        raise head_too_large()
