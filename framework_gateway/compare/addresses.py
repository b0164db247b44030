"""Refuse paths that browsers, proxies and servers could read differently.

``pages/static/send.js`` applies the same rules before a page sends a request.
"""

import re
from urllib.parse import unquote

MAX_ENCODINGS = 3  # nested layers of percent-encoding
CONTROL = re.compile("[\x00-\x1f\x7f]")  # URL parsers drop some of them (WHATWG URL, 4.4)
# Some servers drop parameters (RFC 3986, 3.3) or spaces around the dots. In a decoded path, ``?``
# and ``#`` can end a segment, too.
DOT_SEGMENT = re.compile("/ *[.]{1,2} *([/;?#]|$)")


def find_fault(path: str) -> str | None:
    """Return why a path is refused; None if it has only one meaning.

    The path is checked as it is, and again after each decoding.

    Args:
        path: percent-encoded, without the query.
    """
    for _ in range(MAX_ENCODINGS + 1):
        if fault := find_literal_fault(path):
            return fault
        # As latin-1, so that invalid UTF-8 cannot hide a character.
        decoded = unquote(path, "latin-1")
        if decoded == path:
            return None
        path = decoded
    return f"The path is percent-encoded more than {MAX_ENCODINGS} times."


def find_literal_fault(path: str) -> str | None:
    """Return what is wrong with a path, without decoding it."""
    if CONTROL.search(path):
        return "The path has a control character."
    slashed = path.replace("\\", "/")  # browsers treat a backslash as a slash
    if not slashed.startswith("/") or slashed.startswith("//"):
        return "The path must start with a single slash."
    return "The path has a dot segment." if DOT_SEGMENT.search(slashed) else None
