"""uvicorn's server, which looks after its connections and stops without failing a request."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from framework_gateway.server.listeners import HANDSHAKE, accept_all, drop_new_connections
from framework_gateway.server.protocol import LAST_CALL, Connection

logger = logging.getLogger("framework_gateway")

TICKS = 10  # of a tenth of a second, between two looks at the connections
THREADS_LEFT = 1  # exit status, when threads do not come back
MARGIN = 3.0  # seconds that a stop may take beyond those that running requests get


Callback = Callable[[], object]


def ignore(*_: object) -> None:
    """Do nothing."""


class Server(uvicorn.Server):
    """Serves with connections that have limits; its configuration is a ``Config`` of theirs.

    A process that is told to stop by SIGTERM or SIGINT, or whose parent has died, answers what has
    reached it, and ends with status 0; with 1 when threads keep it beyond the graceful timeout.

    Args:
        config: as uvicorn's.
        on_start: called when the server has begun to serve.
        on_stop: called when it begins to stop.
    """

    def __init__(
        self, config: uvicorn.Config, on_start: Callback = ignore, on_stop: Callback = ignore
    ) -> None:
        super().__init__(config)
        self.on_start = on_start
        self.on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen."""
        await super().startup(sockets)
        self.on_start()

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections once a second."""
        if counter % TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in [*self.server_state.connections]:
                if isinstance(connection, Connection):  # and no WebSocket, which has pings
                    connection.check(now)
            if has_lost_parent():
                self.stop()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a second Ctrl-C does not wait for anything.

        uvicorn would raise the signal again in the end, and the process would die of it.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.stop()

    def stop(self) -> None:
        """Begin to stop."""
        if not self.should_exit:
            self.should_exit = True
            end_after((self.config.timeout_graceful_shutdown or 0) + MARGIN)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has come, and take nothing more."""
        self.on_stop()
        await self._accept_last(sockets or [])
        # Who has been accepted last may open a stream of events, which would not end by itself.
        asyncio.get_running_loop().call_later(LAST_CALL, self._shut_down_connections)
        await super().shutdown(sockets)

    async def _accept_last(self, listeners: list[socket.socket]) -> None:
        """Accept the connections that still wait: a listener that is closed resets them."""
        loop = asyncio.get_running_loop()
        if multiprocessing.parent_process() is None or has_lost_parent():
            # Else the parent does, when all of its workers stop.
            for listener in listeners:
                drop_new_connections(listener)
        await asyncio.sleep(HANDSHAKE)
        waiting = [connection for listener in listeners for connection in accept_all(listener)]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._create_connection, connection)

    def _create_connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _shut_down_connections(self) -> None:
        for connection in [*self.server_state.connections]:
            connection.shutdown()


def has_lost_parent() -> bool:
    """Return whether this is a worker whose parent has died."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def end_after(seconds: float) -> None:
    """End the process after some seconds, whatever its threads are doing then."""

    def end() -> None:
        logger.error(
            "Threads have not come back within %g s; the process ends all the same", seconds
        )
        os._exit(THREADS_LEFT)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
