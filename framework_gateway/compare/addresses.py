"""Paths that a client chooses: refused where browsers, proxies and servers could disagree on them.

``static/address.js`` applies the same rules before a page sends a request.
"""

import re
from urllib.parse import unquote

MOST_ENCODINGS = 3  # layers of percent-encoding, one inside the other
CONTROL = re.compile("[\x00-\x1f\x7f]")  # URL parsers drop some of them (WHATWG URL, 4.4)
# With parameters (RFC 3986, 3.3) or spaces behind the dots, which some servers drop, and with what
# ends a path once it is decoded.
DOT_SEGMENT = re.compile("/ *[.]{1,2} *([/;?#]|$)")


def find_fault(path: str) -> str | None:
    """Say why a path is refused; None when nobody can read it as another.

    The path must pass as it is, and each time it is decoded.

    Args:
        path: percent-encoded, without the query.
    """
    for _ in range(MOST_ENCODINGS + 1):
        if fault := find_literal_fault(path):
            return fault
        # As bytes: a decoder that replaces what is not UTF-8 could hide a character.
        decoded = unquote(path, "latin-1")
        if decoded == path:
            return None
        path = decoded
    return f"The path is percent-encoded more than {MOST_ENCODINGS} times."


def find_literal_fault(path: str) -> str | None:
    """Say what is wrong with a path that is not decoded."""
    if CONTROL.search(path):
        return "The path has a control character."
    slashed = path.replace("\\", "/")  # as browsers read it
    if not slashed.startswith("/") or slashed.startswith("//"):
        return "The path does not begin with one slash."
    return "The path has a dot segment." if DOT_SEGMENT.search(slashed) else None
