"""Let testers choose the side: a signed mark in a header or a cookie."""

import hashlib
import hmac
import time
from typing import Literal

from starlette.requests import cookie_parser
from starlette.types import Scope

HEADER = b"gateway-move"
COOKIE = "gateway-move"
LONGEST = 200  # characters of a mark

Side = Literal["old", "new"]


def sign(secret: str, prefix: str, side: Side, expires: float) -> str:
    """Return the mark of a tester, for the header ``Gateway-Move`` or the cookie of that name.

    Args:
        secret: the setting ``move_secret``.
        prefix: the prefix of the move.
        side: the application that shall answer.
        expires: seconds since 1970.
    """
    text = f"{side}.{int(expires)}"
    return f"{text}.{signature(secret, prefix, text)}"


def signature(secret: str, prefix: str, text: str) -> str:
    """Return the signature of a mark (HMAC-SHA256)."""
    key = f"framework_gateway.move:{secret}".encode()
    return hmac.new(key, f"{prefix}\n{text}".encode(), hashlib.sha256).hexdigest()


def verify(secret: str, prefix: str, mark: str) -> Side | None:
    """Return the side that a mark names; None if it is forged or has expired."""
    text, _, given = mark[:LONGEST].rpartition(".")
    if not hmac.compare_digest(signature(secret, prefix, text).encode(), given.encode()):
        return None
    side, _, expires = text.partition(".")
    if side not in ("old", "new") or not expires.isdigit() or int(expires) < time.time():
        return None
    return "old" if side == "old" else "new"


def chosen_side(scope: Scope, secret: str, prefix: str) -> Side | None:
    """Return the side that the client is allowed to choose; None without a valid mark."""
    for name, value in scope["headers"]:
        if name == HEADER:
            return verify(secret, prefix, value.decode("latin-1"))
    for name, value in scope["headers"]:
        if name == b"cookie" and COOKIE.encode() in value:
            mark = cookie_parser(value.decode("latin-1")).get(COOKIE)
            return verify(secret, prefix, mark) if mark else None
    return None
