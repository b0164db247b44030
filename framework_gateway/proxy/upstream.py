"""An ASGI application that passes requests on to servers at other addresses."""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from contextvars import copy_context
from typing import Any

from starlette.types import Receive, Scope, Send

from framework_gateway.proxy.addresses import Address, AddressError, parse_address
from framework_gateway.proxy.balancing import Balancer
from framework_gateway.proxy.exchange import Exchange
from framework_gateway.proxy.heads import (
    Header,
    host_of,
    request_headers,
    target_of,
    write_head,
)
from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.peers import Peer
from framework_gateway.proxy.sockets import SocketExchange
from framework_gateway.proxy.timeouts import sooner

TICK = 0.1  # seconds between checks of timeouts
DEFAULT_RESPONSE_TIMEOUT = 60.0  # seconds


class Upstream:
    """Servers that serve one application, each at an address of its own.

    It may be used by one event loop at a time.

    Args:
        addresses: such as ``http://127.0.0.1:9000``, ``https://host/base`` or ``unix:/run/a.sock``.
        options: timeouts, limits, and what of each request and response is changed.
        is_own_process: whether the gateway has started the servers. Then they learn who is logged
            in by the header ``Gateway-User``, which no client can send.

    Attributes:
        is_stripped: whether the servers see paths without the prefix.
        rewrites: whether paths in the headers of responses are rewritten.
        exchanges: the open requests and WebSockets.

    Raises:
        AddressError: a text is no address.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        options: UpstreamOptions,
        *,
        is_own_process: bool = False,
    ) -> None:
        self.options = options
        self.is_own_process = is_own_process
        self.is_stripped = options.strip_prefix is not False
        self.rewrites = self.is_stripped if options.rewrite is None else options.rewrite
        limit = options.request_timeout and sooner(options.request_timeout)
        timeouts = (options.response_timeout, limit)
        self.response_timeout = min(filter(None, timeouts), default=DEFAULT_RESPONSE_TIMEOUT)
        self.balancer = Balancer(options)
        self.exchanges: set[Exchange | SocketExchange] = set()
        self.loop: Any = None
        self._tls: ssl.SSLContext | None = None
        self._peers: dict[str, Peer] = {}
        self._removed: dict[str, Peer] = {}
        self._probes: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.set_addresses(addresses)

    def set_addresses(self, addresses: Sequence[str]) -> None:
        """Send new requests to these addresses.

        Connections to others close when their requests have ended.

        Raises:
            AddressError: a text is no address.
        """
        made = {text: self._peers.get(text) or self._make_peer(text) for text in addresses}
        self._removed = {
            text: peer for text, peer in self._removed.items() if not peer.drained.is_set()
        }
        for text, peer in self._peers.items():
            if text not in made:
                self._removed[text] = peer
                peer.remove()
        self._peers = made
        self.balancer.set_peers(made.values())

    def _make_peer(self, text: str) -> Peer:
        address = parse_address(text)
        if address.is_tls and self._tls is None:
            self._tls = make_context(self.options)
        return Peer(address, self._tls if address.is_tls else None, self.options.connect_timeout)

    async def wait_until_drained(self, address: str) -> None:
        """Wait until no request is open to an address that was removed."""
        if (peer := self._removed.get(address)) is not None:
            await peer.drained.wait()

    def has_other(self, peer: Peer | None) -> bool:
        """Return whether another address works."""
        now = self.loop.time()
        return any(one is not peer and one.is_available(now) for one in self._peers.values())

    @property
    def peers(self) -> list[Peer]:
        """The addresses that get new requests."""
        return [*self._peers.values()]

    @property
    def fault(self) -> str | None:
        """Why no address works; None if one does."""
        return self.balancer.fault()

    # Requests

    def headers_for(self, scope: Scope, address: Address) -> list[Header]:
        """Return the headers of a request to an address, except those that frame its body."""
        host = host_of(scope, address, self.options.host)
        return request_headers(scope, host, self.is_stripped, self.is_own_process)

    def write_head(self, scope: Scope, address: Address, framing: Sequence[Header]) -> bytes:
        """Write the head of a request to an address.

        Raises:
            HTTPException: 400, it cannot be written.
        """
        target = target_of(scope, address, self.is_stripped)
        return write_head(scope["method"], target, [*self.headers_for(scope, address), *framing])

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._run_lifespan(receive, send)
        self._use_loop()
        kind = Exchange if scope["type"] == "http" else SocketExchange
        return kind(self, scope, receive, send).run()

    def _use_loop(self) -> None:
        """Start to check timeouts; forget the connections of an event loop that has ended."""
        loop = asyncio.get_running_loop()
        if loop is not self.loop:
            self.loop = loop
            self._timer = None
            self.exchanges.clear()
            self.balancer.queue.clear()
            for peer in self._peers.values():
                peer.idle.clear()
                peer.open = 0
            self._context = copy_context()
        if self._timer is None:
            self._start_timer()

    def _tick(self) -> None:
        now = self.loop.time()
        for exchange in [*self.exchanges]:
            exchange.check(now)
        is_busy = bool(self.exchanges)
        for peer in self._peers.values():
            peer.close_idle(now - self.options.keepalive_timeout)
            is_busy = is_busy or bool(peer.idle) or bool(peer.failures)
            if peer.must_be_probed(now):
                self._start_probe(peer)
        self._timer = None
        if is_busy:
            self._start_timer()

    def _start_timer(self) -> None:
        # Not in the context of a request, whose id the log would have.
        self._timer = self.loop.call_later(TICK, self._tick, context=self._context)

    def _start_probe(self, peer: Peer) -> None:
        task = self.loop.create_task(peer.probe())
        self._probes.add(task)
        task.add_done_callback(self._probes.discard)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._use_loop()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.close()
        # The connections end in the next step of the event loop.
        await asyncio.sleep(0)
        await send({"type": "lifespan.shutdown.complete"})

    def close(self) -> None:
        """Close the idle connections; those of open requests close when these end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for probe in self._probes:
            probe.cancel()
        for peer in self._peers.values():
            peer.close_idle()


def make_context(options: UpstreamOptions) -> ssl.SSLContext:
    """Return how certificates are checked.

    Raises:
        AddressError: the file with the certificates to trust cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except OSError as error:
        raise AddressError(f"the certificates in {options.ca} cannot be read: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
