"""Choose an address for each request, and let requests wait when all are busy."""

import asyncio
from collections import deque
from collections.abc import Iterable

from framework_gateway.proxy.errors import FULL, UNAVAILABLE, UpstreamError
from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.peers import Peer


class Balancer:
    """The addresses of an upstream, and the queue of requests that wait for one.

    A request goes to the address with the fewest open requests. One that has failed gets no
    request while another works; if all have failed, the one whose rest ends first is tried.

    Attributes:
        shed: requests refused since the start, because the queue was full or the wait too long.
    """

    def __init__(self, options: UpstreamOptions) -> None:
        self.max_connections = options.max_connections
        self.queue_size = options.queue_size
        self.peers: list[Peer] = []
        self.queue: deque[asyncio.Future[Peer]] = deque()
        self.shed = 0

    def set_peers(self, peers: Iterable[Peer]) -> None:
        """Replace the addresses."""
        self.peers = [*peers]
        self.wake()

    def pick(self) -> Peer | None:
        """Reserve a place at an address; None if all are busy.

        Raises:
            UpstreamError: there is no address.
        """
        if not self.peers:
            raise UpstreamError(UNAVAILABLE, has_connected=False)
        peer = self.peers[0] if len(self.peers) == 1 else self._best()
        if peer.open >= self.max_connections:
            return None
        peer.open += 1
        return peer

    def _best(self) -> Peer:
        now = asyncio.get_running_loop().time()
        candidates = [peer for peer in self.peers if peer.is_available(now)]
        if not candidates:
            return min(self.peers, key=lambda peer: peer.rests_until)
        peer = min(candidates, key=lambda peer: peer.open)
        # Among equals, the next request goes to another one.
        self.peers.remove(peer)
        self.peers.append(peer)
        return peer

    async def wait_for_turn(self, turn: asyncio.Future[Peer]) -> Peer:
        """Wait until an address has a free place, and reserve it.

        Args:
            turn: gets the address; an exception ends the wait.

        Raises:
            UpstreamError: the queue is full, or the exception of ``turn``.
        """
        if len(self.queue) >= self.queue_size:
            self.shed += 1
            raise UpstreamError(FULL, has_connected=False)
        self.queue.append(turn)
        try:
            return await turn
        except UpstreamError:
            self.shed += 1
            raise
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                turn.result().release(None, False, 0.0)
                self.wake()
            raise
        finally:
            if turn in self.queue:
                self.queue.remove(turn)

    def wake(self) -> None:
        """Give the free places to the requests that have waited longest."""
        while self.queue and self.peers:
            if self.queue[0].done():
                self.queue.popleft()
            elif (peer := self.pick()) is not None:
                self.queue.popleft().set_result(peer)
            else:
                return

    def fault(self) -> str | None:
        """Return why no address works; None if one does."""
        if not self.peers:
            return "no upstream server is available"
        if not all(peer.is_down for peer in self.peers):
            return None
        found = [f"{peer.address.text}: {peer.reason}" for peer in self.peers]
        return "no upstream server answers: " + "; ".join(found)
