"""Answers without an end: WebSockets and event streams, which must leave room for requests."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address, ip_network

from starlette.exceptions import HTTPException
from starlette.types import Scope

from framework_gateway.wsgi.middleware import BUSY

STREAMS = "bridge.streams"  # in a scope: the Streams of its mount


class Streams:
    """The open streams of one mount, in all and by client.

    A mount counts its WebSockets by itself. An application counts its event streams, for which the
    gateway cannot know beforehand that they have no end::

        with scope["bridge.streams"].open(scope):
            ...  # the whole answer

    Args:
        most: streams open at once.
        most_of_client: of them, those of one client: an IPv4 address, or a network of IPv6.

    Attributes:
        by_client: how many each client has; clients without any are not kept.
        shed: how many have been refused.
    """

    def __init__(self, most: int, most_of_client: int) -> None:
        self.most = most
        self.most_of_client = most_of_client
        self.by_client: Counter[str] = Counter()
        self.shed = 0

    @contextmanager
    def open(self, scope: Scope) -> Iterator[None]:
        """Count a stream until the block ends.

        Args:
            scope: an ASGI HTTP or WebSocket scope; its ``client`` is who is counted.

        Raises:
            HTTPException: 503 with ``Retry-After``; there are too many.
        """
        client = network_of((scope.get("client") or ("", 0))[0])
        if self.by_client.total() >= self.most or self.by_client[client] >= self.most_of_client:
            self.shed += 1
            raise HTTPException(503, headers=BUSY)
        self.by_client[client] += 1
        try:
            yield
        finally:
            self.by_client[client] -= 1
            if not self.by_client[client]:
                del self.by_client[client]


def network_of(address: str) -> str:
    """Return what one client has: an IPv4 address, or a whole /64 of IPv6 (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return address
    return str(ip_network((found.packed[:8] + bytes(8), 64)))
