"""Requests of an access log in the common or combined format (Apache, nginx)."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from framework_gateway.compare.messages import Request

# Only the request line is needed. Fields may stand before it (virtual hosts) and after it.
# A quote in it is written as \" by Apache, and as \x22 by nginx.
LINE = re.compile(r'\] "((?:[^"\\]|\\.)*)" (?:\d{3}|-)(?: |$)')
ESCAPE = re.compile(r'\\(?:x([0-9a-fA-F]{2})|(["\\]))')
WITH_BODY = frozenset(["POST", "PUT", "PATCH"])

NO_LINE = "lines that are not in the common format"
NO_REQUEST = "request lines that are not valid"
NO_BODY = "requests whose body the log does not have"


def read_access_log(lines: Iterable[str], skipped: Counter[str]) -> Iterator[Request]:
    """Yield a request without headers for each line, and count those that are left out."""
    for line in lines:
        if not line.strip():
            continue
        found = LINE.search(line)
        if found is None:
            skipped[NO_LINE] += 1
            continue
        request = parse_request_line(unescape(found[1]))
        if request is None:
            skipped[NO_REQUEST] += 1
        elif request.method in WITH_BODY:
            skipped[NO_BODY] += 1
        else:
            yield request


def parse_request_line(line: str) -> Request | None:
    """Return the request; None if the line is not ``METHOD target HTTP/version``."""
    method, _, rest = line.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not re.fullmatch("HTTP/[0-9.]+", version) or not re.fullmatch("[A-Z]+", method):
        return None
    if target.startswith(("http://", "https://")):
        try:
            parts = urlsplit(target)  # the absolute form, sent to proxies (RFC 9112, 3.2.2)
        except ValueError:
            return None
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not target.startswith("/") or not target.isprintable() or " " in target:
        return None
    return Request(method, target)


def unescape(text: str) -> str:
    """Decode the escapes that servers write in place of quotes and control characters."""
    return ESCAPE.sub(decoded, text)


def decoded(found: re.Match[str]) -> str:
    """Decode one escape; a byte that is not ASCII is percent-encoded."""
    if found[1] is None:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if code < 0x80 else f"%{code:02X}"
