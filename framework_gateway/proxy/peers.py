"""One address of an upstream: its connections, and whether it works."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from framework_gateway.proxy.addresses import Address
from framework_gateway.proxy.connection import Connection
from framework_gateway.proxy.errors import CONNECT_TIMEOUT, UpstreamError, fault_of

logger = logging.getLogger("framework_gateway")

P = TypeVar("P", bound=asyncio.BaseProtocol)

FIRST_REST, LONGEST_REST = 1.0, 30.0  # seconds that an address rests after a failure
MANY = 3  # failures in a row that readiness names
FRESH = 1.0  # seconds after which a request that must not be repeated gets a new connection


class Peer:
    """A server at one address.

    Attributes:
        open: requests that are open or about to be.
        failures: failures in a row; 0 if it works.
        has_connected: whether the last failure came after a connection was established.
        rests_until: the time of the event loop at which it may be tried again.
        is_removed: whether it takes no more requests.
        drained: set when it is removed and no request is open.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None, connect_timeout: float):
        self.address = address
        self.tls = tls
        self.connect_timeout = connect_timeout
        self.open = self.failures = 0
        self.rests_until = 0.0
        self.has_connected = True
        self.reason = ""
        self.is_removed = False
        self.drained = asyncio.Event()
        self.idle: list[Connection] = []

    def take(self, is_repeatable: bool, now: float) -> Connection | None:
        """Take an idle connection; None if there is no suitable one.

        Args:
            is_repeatable: whether the request may be sent again if the server closes just now.
            now: the time of the event loop.
        """
        while self.idle:
            connection = self.idle[-1]
            if not is_repeatable and now - connection.idle_since > FRESH:
                return None
            self.idle.pop()
            if connection.is_reusable and not connection.transport.is_closing():
                return connection
        return None

    async def connect(self) -> Connection:
        """Open a connection.

        Raises:
            UpstreamError: that failed.
        """
        return await self.open_with(Connection)

    async def open_with(self, make: Callable[[], P]) -> P:
        """Open a connection with a protocol of any kind.

        Raises:
            UpstreamError: that failed.
        """
        address, loop = self.address, asyncio.get_running_loop()
        opening: Coroutine[Any, Any, tuple[asyncio.Transport, P]]
        if address.socket:
            opening = loop.create_unix_connection(make, address.socket)
        else:
            opening = loop.create_connection(make, address.host, address.port, ssl=self.tls)
        try:
            async with asyncio.timeout(self.connect_timeout):
                _, protocol = await opening
        except TimeoutError as error:
            raise UpstreamError(CONNECT_TIMEOUT, has_connected=False) from error
        except OSError as error:
            raise UpstreamError(fault_of(error), str(error), has_connected=False) from error
        return protocol

    def release(self, connection: Connection | None, is_free: bool, now: float) -> None:
        """End a request; keep its connection if another request may follow."""
        self.open -= 1
        if connection is not None:
            connection.is_active = False
            if is_free and connection.is_reusable and not self.is_removed:
                connection.resume()
                connection.idle_since = now
                self.idle.append(connection)
            else:
                connection.transport.abort()
        self._note_drained()

    def remove(self) -> None:
        """Take no more requests."""
        self.is_removed = True
        self.close_idle()
        self._note_drained()

    def _note_drained(self) -> None:
        if self.is_removed and not self.open:
            self.drained.set()

    def close_idle(self, before: float = float("inf")) -> None:
        """Close the connections that have been idle since before a time."""
        kept = []
        for connection in self.idle:
            if connection.idle_since >= before and not connection.is_lost:
                kept.append(connection)
            else:
                # Not close(): the end of TLS would take longer than the event loop may live.
                connection.transport.abort()
        self.idle = kept

    def is_available(self, now: float) -> bool:
        """Whether it works, or has rested."""
        return not self.failures or (self.has_connected and now >= self.rests_until)

    @property
    def is_down(self) -> bool:
        """Whether it cannot be connected, or has failed several times in a row."""
        return self.failures >= MANY or (self.failures > 0 and not self.has_connected)

    def note_success(self) -> None:
        """The server has answered."""
        if self.failures:
            logger.info("The upstream server %s answers again", self.address.text)
            self.failures = 0
            self.reason = ""

    def note_failure(self, error: UpstreamError) -> None:
        """The server may have failed; then it rests, longer each time."""
        if not error.is_failure_of_server or error.was_idle:
            return
        self.failures += 1
        self.reason = str(error)
        self.has_connected = error.has_connected
        seconds = min(FIRST_REST * 2 ** min(self.failures - 1, 10), LONGEST_REST)
        self.rests_until = asyncio.get_running_loop().time() + seconds
        if self.failures == 1:
            logger.warning("The upstream server %s fails: %s", self.address.text, error)

    def must_be_probed(self, now: float) -> bool:
        """Whether to connect to it, because no request does as long as others work."""
        return self.failures > 0 and not self.has_connected and now >= self.rests_until

    async def probe(self) -> None:
        """Connect to a server that could not be connected, to learn whether it works again."""
        loop = asyncio.get_running_loop()
        self.rests_until = loop.time() + self.connect_timeout
        try:
            connection = await self.connect()
        except UpstreamError as error:
            self.note_failure(error)
        else:
            self.note_success()
            self.open += 1
            self.release(connection, True, loop.time())
