"""Rewrite what a response says about paths, so that clients stay below the mount's prefix."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.types import Scope

from framework_gateway.proxy.addresses import Address
from framework_gateway.proxy.heads import PREFIX, Header, client_host

if TYPE_CHECKING:
    from framework_gateway.proxy.upstream import Upstream

LOCATIONS = frozenset({b"location", b"content-location"})
REWRITTEN = LOCATIONS | {b"refresh", b"set-cookie"}
ORIGIN = re.compile(rb"(?:(?:https?):)?//([^/?#\\]*)", re.IGNORECASE)
REFRESH = re.compile(rb"(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?[\"']?)(.*)", re.IGNORECASE | re.DOTALL)
ATTRIBUTE = re.compile(rb"(\s*)(path|domain)(\s*=\s*)([^;]*)", re.IGNORECASE)
HOST_COOKIE = b"__host-"  # a cookie that must have the path "/" (RFC 6265bis, 4.1.3.2)


class Rewriter:
    """Maps the paths of an upstream to those of its clients.

    Args:
        inner: what comes before each path at the upstream, such as ``/base``, or "".
        outer: what comes before it at the gateway, such as ``/shop``.
        own: the authority of the upstream, and the Host of the request if that differs.
        client: the authority that the client uses.
    """

    def __init__(self, inner: bytes, outer: bytes, own: frozenset[bytes], client: bytes) -> None:
        self.inner = inner
        self.outer = outer
        self.own = own
        self.client = client

    def path(self, path: bytes) -> bytes:
        """Map a path; one that is below the prefix already, or not the upstream's, stays."""
        if self.outer and is_below(path, self.outer):
            return path
        if not is_below(path, self.inner):
            return path
        return self.outer + path[len(self.inner) :]

    def url(self, url: bytes) -> bytes:
        """Map a URL; one of another host stays."""
        origin = ORIGIN.match(url)
        if origin is None:
            return self.path(url) if url.startswith(b"/") else url
        authority = origin[1].lower()
        rest = url[origin.end() :]
        if authority == self.client:
            return origin[0] + self.path(rest if rest.startswith(b"/") else b"/" + rest)
        if authority in self.own:
            return self.path(rest if rest.startswith(b"/") else b"/" + rest)
        return url

    def refresh(self, value: bytes) -> bytes:
        """Map the URL of a Refresh header."""
        found = REFRESH.fullmatch(value)
        return found[1] + self.url(found[2]) if found else value

    def cookie(self, value: bytes) -> bytes:
        """Map the path of a cookie; drop a domain that is the upstream's own."""
        first, *attributes = value.split(b";")
        if first.strip().lower().startswith(HOST_COOKIE):
            return value
        kept = [self._attribute(attribute) for attribute in attributes]
        return b";".join([first, *(attribute for attribute in kept if attribute is not None)])

    def _attribute(self, attribute: bytes) -> bytes | None:
        found = ATTRIBUTE.fullmatch(attribute)
        if found is None:
            return attribute
        before, name, equals, value = found.groups()
        if name.lower() == b"domain":
            return None if self._is_own_domain(value) else attribute
        return before + name + equals + self._cookie_path(value.strip())

    def _cookie_path(self, path: bytes) -> bytes:
        """Map the path of a cookie; one for more than the upstream's paths becomes the prefix."""
        if not path.startswith(b"/") or (self.outer and is_below(path, self.outer)):
            return path
        covers_all = is_below(self.inner, path.rstrip(b"/"))
        return (self.outer or b"/") if covers_all else self.path(path)

    def _is_own_domain(self, value: bytes) -> bool:
        domain = value.strip().lstrip(b".").lower()
        hosts = {authority.rpartition(b":")[0] or authority for authority in self.own}
        client = self.client.rpartition(b":")[0] or self.client
        return domain in hosts and domain != client


def is_below(path: bytes, prefix: bytes) -> bool:
    """Return whether a path is a prefix, or below it."""
    # An empty slice is also in the bytes: then the path is the prefix.
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in b"/?#"


def rewrite_headers(
    headers: list[Header], scope: Scope, address: Address, upstream: "Upstream"
) -> list[Header]:
    """Rewrite the headers of a response."""
    if REWRITTEN.isdisjoint([name for name, _ in headers]):
        return headers
    root_path = quote(scope.get("root_path", ""))
    mount = quote(scope.get(PREFIX, ""))
    inner = address.base + ("" if upstream.is_stripped else mount)
    client = client_host(scope).lower()
    own = {address.authority.lower().encode()}
    if upstream.options.host not in (None, "upstream"):
        own.add(upstream.options.host.lower().encode())
    rewriter = Rewriter(inner.encode(), root_path.encode(), frozenset(own), client)
    return [(name, rewrite(rewriter, name, value)) for name, value in headers]


def rewrite(rewriter: Rewriter, name: bytes, value: bytes) -> bytes:
    """Rewrite the value of one header."""
    if name in LOCATIONS:
        return rewriter.url(value)
    if name == b"refresh":
        return rewriter.refresh(value)
    return rewriter.cookie(value) if name == b"set-cookie" else value
