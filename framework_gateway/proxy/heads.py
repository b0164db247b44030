"""Write the head of a request to an upstream, and choose what of a response's head is passed on."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.types import Scope

from framework_gateway.proxy.addresses import Address

PREFIX = "bridge.prefix"  # scope key: the prefix of the mount that serves the request, or ""
USER = b"gateway-user"  # who is logged in, percent-encoded UTF-8; only to processes of our own

# They belong to one connection (RFC 9110, 7.6.1), and the proxy writes its own.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade"
    b" proxy-authenticate proxy-authorization http2-settings".split()
)
# Written by the proxy itself.
OWN = frozenset(b"host content-length forwarded x-real-ip expect".split())
# Connection may not name these: the next server needs them to read the request.
KEPT = frozenset(b"host content-length x-request-id traceparent tracestate".split())
MAX_CACHED_NAME = 64  # bytes; longer header names are not cached

Header = tuple[bytes, bytes]


def is_passed(name: bytes, is_own_process: bool) -> bool:
    """Return whether a client's header is passed on.

    CGI and WSGI cannot tell ``X_Forwarded_For`` from ``X-Forwarded-For``.
    """
    plain = name.lower().replace(b"_", b"-")
    if plain in HOP_BY_HOP or plain in OWN:
        return False
    return not plain.startswith((b"x-forwarded-", b"gateway-" if is_own_process else USER))


is_passed_cached = lru_cache(maxsize=1024)(is_passed)


def named_by_connection(headers: Iterable[Header]) -> frozenset[bytes]:
    """Return the names of the headers that ``Connection`` lists, in lower case."""
    tokens = b",".join([value for name, value in headers if name == b"connection"]).lower()
    return frozenset([token.strip(b" \t") for token in tokens.split(b",")])


def passed_headers(headers: Sequence[Header], is_own_process: bool) -> list[Header]:
    """Return those headers of a request that are passed on."""
    passed = [
        header
        for header in headers
        if (is_passed_cached if len(header[0]) <= MAX_CACHED_NAME else is_passed)(
            header[0], is_own_process
        )
    ]
    if len(passed) < len(headers) and any(name == b"connection" for name, _ in headers):
        named = named_by_connection(headers) - KEPT
        passed = [header for header in passed if header[0] not in named]
    return passed


def target_of(scope: Scope, address: Address, is_stripped: bool) -> bytes:
    """Return the target of the request: the path as its client sent it, and the query.

    Args:
        scope: the scope of the request.
        address: its path comes first.
        is_stripped: whether the prefix of the mount is left out. What an outer proxy has removed
            is always left out.
    """
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    if outer := removed_prefix(scope, is_stripped):
        # Not by length: the client may have percent-encoded the prefix.
        raw_path = b"/" + raw_path.split(b"/", outer.count("/") + 1)[-1]
    query: bytes = scope.get("query_string", b"")
    return address.base.encode() + raw_path + (b"?" + query if query else b"")


def host_of(scope: Scope, address: Address, host: str | None) -> bytes:
    """Return the value of ``Host``: the client's, the address, or a name."""
    if host is not None and host != "upstream":
        return host.encode()
    if host is None and (given := client_host(scope)):
        return given
    return address.authority.encode()


def client_host(scope: Scope) -> bytes:
    """Return the Host that the client sent; b"" for none."""
    return next((value for name, value in scope["headers"] if name == b"host"), b"")


def forwarded_headers(scope: Scope, is_stripped: bool) -> Sequence[Header]:
    """Describe the client's connection: ``X-Forwarded-...``, and ``Forwarded`` (RFC 7239)."""
    scheme = b"https" if scope.get("scheme") in ("https", "wss") else b"http"
    client = scope.get("client")
    address = client[0] if client else ""
    return describe_client(
        scheme, client_host(scope), address, removed_prefix(scope, is_stripped).encode()
    )


@lru_cache(maxsize=1024)
def describe_client(scheme: bytes, host: bytes, client: str, prefix: bytes) -> Sequence[Header]:
    """Return the forwarded headers for a client; a client sends many requests."""
    address = client.encode("latin-1", "replace")
    node = b'"[%b]"' % address if b":" in address else address or b"unknown"
    quoted = b'"%b"' % host.replace(b"\\", b"").replace(b'"', b"")
    headers = [
        (b"x-forwarded-for", address),
        (b"x-forwarded-proto", scheme),
        (b"x-forwarded-host", host),
        (b"x-forwarded-prefix", prefix),
        (b"forwarded", b"for=%b;host=%b;proto=%b" % (node, quoted, scheme)),
    ]
    return [header for header in headers if header[1]]


def removed_prefix(scope: Scope, is_stripped: bool) -> str:
    """Return the part of the client's path that the upstream does not see, percent-encoded."""
    root_path: str = scope.get("root_path", "")
    prefix = root_path if is_stripped else root_path.removesuffix(scope.get(PREFIX, ""))
    return quote(prefix) if "%" in prefix or not prefix.isascii() else prefix


def user_header(scope: Scope) -> list[Header]:
    """Return the header that says who is logged in; none for an anonymous request."""
    user = scope.get("user")
    if user is None or not user.is_authenticated:
        return []
    return [(USER, quote(user.display_name, safe="@+/ ").encode())]


def request_headers(
    scope: Scope, host: bytes, is_stripped: bool, is_own_process: bool
) -> list[Header]:
    """Return the headers of a request to an upstream, except those that frame its body."""
    return [
        (b"host", host),
        *passed_headers(scope["headers"], is_own_process),
        *forwarded_headers(scope, is_stripped),
        *(user_header(scope) if is_own_process else ()),
    ]


def write_head(method: str, target: bytes, headers: Sequence[Header]) -> bytes:
    """Write a head.

    Raises:
        HTTPException: 400, a part has a line break or NUL, or the method or target a space.
    """
    lines = [name + b": " + value for name, value in headers]
    first = b"%b %b HTTP/1.1" % (method.encode("latin-1"), target)
    head = b"\r\n".join([first, *lines, b"", b""])
    # One check for all lines: translate() must delete only the line ends.
    breaks = len(head) - len(head.translate(None, b"\r\n\x00"))
    if first.count(b" ") != 2 or breaks != 2 * (len(lines) + 2):
        raise HTTPException(400)
    return head


def response_headers(headers: Sequence[Header]) -> list[Header]:
    """Return those headers of a response that are passed on."""
    passed = [header for header in headers if header[0] not in HOP_BY_HOP]
    if len(passed) < len(headers) and any(name == b"connection" for name, _ in headers):
        named = named_by_connection(headers) - KEPT
        passed = [header for header in passed if header[0] not in named]
    return passed
