"""Look through the names of a request's headers once, for all layers of the gateway."""

from dataclasses import dataclass
from typing import Self

from starlette.types import Scope

NAMES = "bridge.header_names"  # scope key: the list of headers, and what its names say

# Fields that RFC 9110 and RFC 6265 define with a single value.
SINGLETONS = frozenset(
    b"authorization content-encoding content-length content-location content-range content-type"
    b" expect from host if-modified-since if-range if-unmodified-since last-modified"
    b" max-forwards origin proxy-authorization range referer user-agent".split()
)
# Fields with weights, parameters or quoted strings (RFC 9110, 5.6.6). The parsers of the standard
# library, Django and Werkzeug take seconds for 60 kB of semicolons or of tabs in quotes.
PARAMETRIC = frozenset(
    b"accept accept-charset accept-encoding accept-language content-disposition content-type expect"
    b" forwarded link prefer te".split()
)
FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")  # prefixes of header names
FRAMING = frozenset((b"content-length", b"transfer-encoding"))
REQUEST_ID = b"x-request-id"

# Clients choose the names, so the cache has few entries, and none of long names.
MAX_CACHED = 512
MAX_CACHED_SIZE = 1024  # bytes of the names of one request


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """What the names of a request's headers say.

    Attributes:
        host: the index of the first Host; None without one.
        repeated: a field that was sent twice although it can have one value only.
        parametric: the indices of fields with parameters.
        content_type: the index of the Content-Type.
        has_cookies, has_forwarded, has_request_id: whether there are such fields.
        is_framed: whether a field frames the body.
    """

    host: int | None
    repeated: bytes | None
    parametric: tuple[int, ...]
    content_type: int | None
    has_cookies: bool
    has_forwarded: bool
    has_request_id: bool
    is_framed: bool

    @classmethod
    def read(cls, names: tuple[bytes, ...]) -> Self:
        """Look through the names, in lower case."""
        found = frozenset(names)
        repeated = (name for name in SINGLETONS & found if names.count(name) > 1)
        return cls(
            host=names.index(b"host") if b"host" in found else None,
            repeated=next(repeated, None) if len(found) < len(names) else None,
            parametric=tuple(i for i, name in enumerate(names) if name in PARAMETRIC),
            content_type=names.index(b"content-type") if b"content-type" in found else None,
            has_cookies=b"cookie" in found,
            has_forwarded=any(name.startswith(FORWARDED) for name in names),
            has_request_id=REQUEST_ID in found,
            is_framed=not FRAMING.isdisjoint(found),
        )


_known: dict[tuple[bytes, ...], HeaderNames] = {}


def header_names(scope: Scope) -> HeaderNames:
    """Return what the names of the headers say; a new list of headers is looked through anew."""
    headers = scope["headers"]
    last: tuple[object, HeaderNames] | None = scope.get(NAMES)
    if last is not None and last[0] is headers:
        return last[1]
    names = tuple([header[0] for header in headers])
    found = _known.get(names)
    if found is None:
        found = HeaderNames.read(names)
        if sum(map(len, names)) <= MAX_CACHED_SIZE:
            if len(_known) >= MAX_CACHED:
                _known.clear()
            _known[names] = found
    scope[NAMES] = headers, found
    return found


def replace_headers(scope: Scope, headers: list[tuple[bytes, bytes]], names: HeaderNames) -> None:
    """Replace the headers by others whose names say the same."""
    scope["headers"] = headers
    scope[NAMES] = headers, names
