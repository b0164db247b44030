"""Limit the open WebSockets and event streams of a mount, to leave room for requests."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address, ip_network

from starlette.exceptions import HTTPException
from starlette.types import Scope

from framework_gateway.wsgi.middleware import BUSY_HEADERS

STREAMS = "bridge.streams"  # scope key: the Streams of the mount


class Streams:
    """The open streams of one mount, in total and for each client.

    The mount counts WebSockets. An application must count its event streams, because the gateway
    cannot know in advance that a response is one::

        with scope["bridge.streams"].open(scope):
            ...  # the whole response

    Args:
        max_open: open streams in total.
        max_per_client: open streams of one client: an IPv4 address, or a /64 network of IPv6.

    Attributes:
        by_client: the number of open streams by client; clients without streams are removed.
        shed: the number of refused streams.
    """

    def __init__(self, max_open: int, max_per_client: int) -> None:
        self.max_open = max_open
        self.max_per_client = max_per_client
        self.by_client: Counter[str] = Counter()
        self.shed = 0

    @contextmanager
    def open(self, scope: Scope) -> Iterator[None]:
        """Count a stream until the block ends.

        Args:
            scope: an ASGI HTTP or WebSocket scope; ``client`` identifies the client.

        Raises:
            HTTPException: 503 with ``Retry-After``, too many streams are open.
        """
        client = client_network((scope.get("client") or ("", 0))[0])
        if self.by_client.total() >= self.max_open or self.by_client[client] >= self.max_per_client:
            self.shed += 1
            raise HTTPException(503, headers=BUSY_HEADERS)
        self.by_client[client] += 1
        try:
            yield
        finally:
            self.by_client[client] -= 1
            if not self.by_client[client]:
                del self.by_client[client]


def client_network(address: str) -> str:
    """Return what one client has: an IPv4 address, or a /64 network of IPv6 (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:  # the client of a Unix socket has no address
        return address
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return address
    return str(ip_network((found.packed[:8] + bytes(8), 64)))
