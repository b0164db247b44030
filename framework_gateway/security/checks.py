"""Refuse requests that are ambiguous, or that take applications a long time to parse.

A request that passes has one meaning: one host, one value for each singleton header, and a path
without hidden segments. Common parsers read its headers in linear time.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.types import Scope

from framework_gateway.security.names import header_names, replace_headers

# A name has at most 255 bytes (RFC 1035, 2.3.4).
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._~%!$&'()*+,;=-]{1,255})(:([0-9]{0,5}))?")
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
CONTROL = re.compile("[\x00-\x1f\x7f]")
PERCENT = ord("%")  # searching bytes for an int is ten times as fast
MAX_PARAMETRIC = 2048  # bytes of all fields with parameters together
# Python codecs for host names, for Python source code, or for bytes instead of text.
SLOW_CHARSET = re.compile(
    rb"charset[^;]*=[^;]*(punycode|idna|unicode[-_]?escape|undefined|hex|rot[-_]?13|base_?64|quopri"
    rb"|quoted|uu|zip|zlib|bz2|mbcs|oem)",
    re.IGNORECASE,
)
# Python's http.cookies, which applications use, searches the rest of the header for each backslash
# (CVE-2024-7592, fixed in 3.11.10 and 3.12.6).
MAX_BACKSLASHES = 100
MAX_COOKIES = 500  # browsers keep 180 for each site
# Bytes that are not UTF-8; Django quotes them again in quadratic time.
MAX_UNDECODABLE = 100
DOT_SEGMENT = re.compile(r"(^|/)\.{1,2}(/|$)")


def check_target(scope: Scope, prefix: str) -> None:
    """Refuse a path that applications could read differently.

    Args:
        scope: an ASGI HTTP or WebSocket scope.
        prefix: the path up to and including the prefix of the matched mount.

    Raises:
        HTTPException: 400.
    """
    check_path(scope["path"])
    if PERCENT in (scope.get("raw_path") or b""):
        check_mount_boundary(scope["raw_path"], prefix)


def check_headers(scope: Scope) -> bytes | None:
    """Refuse a missing or malformed Host, repeated singleton headers, and headers slow to parse.

    An empty port, or the default port of the scheme, is removed from the Host. It means the same
    without the port (RFC 9110, 4.2.3), but not every application knows that.

    Returns:
        The Host; None for an HTTP/1.0 request without one.

    Raises:
        HTTPException: 400; 431 for headers that are too long.
    """
    headers = scope["headers"]
    names = header_names(scope)
    if names.repeated is not None:
        raise HTTPException(400, f"The header {names.repeated.decode()} was sent more than once.")
    if names.parametric:
        if sum([len(headers[index][1]) for index in names.parametric]) > MAX_PARAMETRIC:
            raise HTTPException(431)
        if names.content_type is not None:
            check_charset(headers[names.content_type][1])
    if names.has_cookies:
        check_cookies([value for name, value in headers if name == b"cookie"])
    if names.host is not None:
        given = headers[names.host][1]
        host = normalise_host(given, scope.get("scheme", "http"))
        if host != given:
            before, after = headers[: names.host], headers[names.host + 1 :]
            replace_headers(scope, [*before, (b"host", host), *after], names)
        return host
    if scope["http_version"] == "1.1":
        raise HTTPException(400, "The Host header is missing.")
    return None


@lru_cache(maxsize=256)  # of at most 261 bytes each; refused hosts are not cached
def normalise_host(host: bytes, scheme: str) -> bytes:
    """Return a Host without an empty port or the default port of its scheme.

    Raises:
        HTTPException: 400.
    """
    found = HOST.fullmatch(host)
    if found is None or int(found[3] or 0) > 65535:
        raise HTTPException(400, "The Host header is not valid.")
    is_default = found[2] and (not found[3] or int(found[3]) == DEFAULT_PORTS.get(scheme))
    return found[1] if is_default else host


def check_charset(content_type: bytes) -> None:
    """Refuse a charset that is not for text, or that Python decodes in quadratic time.

    Raises:
        HTTPException: 400.
    """
    if b"charset" in content_type.lower() and SLOW_CHARSET.search(content_type):
        raise HTTPException(400, "The charset of the Content-Type is not supported.")


def check_cookies(values: list[bytes]) -> None:
    """Refuse cookies that take a long time to parse.

    Raises:
        HTTPException: 400.
    """
    if sum(value.count(b"\\") for value in values) > MAX_BACKSLASHES:
        raise HTTPException(400, "The Cookie header has too many backslashes.")
    if sum(value.count(b";") for value in values) > MAX_COOKIES:
        raise HTTPException(400, "The Cookie header has too many cookies.")


def check_path(path: str) -> None:
    """Refuse control characters, dot segments (also percent-encoded), and many bytes not in UTF-8.

    Raises:
        HTTPException: 400.
    """
    if "/." in path and DOT_SEGMENT.search(path):
        raise HTTPException(400, "The path has a dot segment.")
    if not path.isprintable() and CONTROL.search(path):
        raise HTTPException(400, "The path has a control character.")
    if not path.isascii() and path.count("\ufffd") > MAX_UNDECODABLE:
        raise HTTPException(400, "The path is not UTF-8.")


def check_mount_boundary(raw_path: bytes, prefix: str) -> None:
    """Refuse a path that reaches a mount only through an encoded slash, as in ``/shop%2Fadmin``.

    Raises:
        HTTPException: 400.
    """
    segments = raw_path.split(b"/")[: prefix.count("/") + 1]
    decoded = [unquote_to_bytes(segment) for segment in segments]
    if decoded != prefix.encode().split(b"/"):
        raise HTTPException(400, "The path reaches a mount only by an encoded slash.")
