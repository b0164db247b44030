"""uvicorn's server, with checks of its connections and a stop that loses no request."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType

import uvicorn

from framework_gateway.server.listeners import HANDSHAKE_TIME, accept_all, drop_new_connections
from framework_gateway.server.protocol import FIRST_REQUEST_TIMEOUT, Connection

logger = logging.getLogger("framework_gateway")

TICKS_PER_CHECK = 10  # ticks of 0.1 s between two checks of the connections
EXIT_THREADS_RUNNING = 1  # exit status if threads have not returned
STOP_MARGIN = 3.0  # seconds that a stop may take after the graceful timeout


Callback = Callable[[], object]
MakeLoop = Callable[[], asyncio.AbstractEventLoop]
Ready = Callable[[], Awaitable[bool]]


def do_nothing(*_: object) -> None:
    """Do nothing."""


class Server(uvicorn.Server):
    """uvicorn's server with the limits of ``framework_gateway.server.protocol.Config``.

    It stops on SIGTERM or SIGINT, or when the parent process has died. It answers the requests that
    have arrived, and exits with status 0, or with 1 if threads run beyond the graceful timeout.

    Args:
        config: the configuration.
        on_load: called with a function that makes an event loop; returns the loop to run.
        on_ready: called when the application has started, before the server listens; if the result
            is false, the application stops, and the process ends with status 3.
        on_start: called when the server has started to serve.
        on_stop: called when the server starts to stop.
        on_close: called when it accepts no more connections.
        extra_time: seconds that the process may run after the server has stopped.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_load: Callable[[MakeLoop], asyncio.AbstractEventLoop] = lambda make_loop: make_loop(),
        on_ready: Ready | None = None,
        on_start: Callback = do_nothing,
        on_stop: Callback = do_nothing,
        on_close: Callback = do_nothing,
        extra_time: float = 0.0,
    ) -> None:
        super().__init__(config)
        self.on_load = on_load
        self.extra_time = extra_time
        self.on_ready = on_ready
        self.on_start = on_start
        self.on_stop = on_stop
        self.on_close = on_close
        os.register_at_fork(after_in_child=reset_signals)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the process is stopped.

        ``sys.exit()`` in a task of an application, or its ``loop.stop()``, ends only that task:
        asyncio lets both leave the event loop, which then runs on.
        """
        loop = self.on_load(self.config.get_loop_factory() or asyncio.new_event_loop)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            serving = runner.get_loop().create_task(self.serve(sockets))
            while not serving.done():
                try:
                    loop.run_until_complete(serving)
                except (SystemExit, KeyboardInterrupt, RuntimeError):
                    if serving.done():
                        raise
                    logger.exception("A task tried to end the process; the server continues")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and listen."""
        if self.on_ready is not None:
            startup = self.lifespan.startup
            self.lifespan.startup = partial(self._start_application, startup, self.on_ready)
        await super().startup(sockets)
        self.on_start()

    async def _start_application(
        self, startup: Callable[[], Awaitable[None]], on_ready: Ready
    ) -> None:
        """Start the application; stop it again if it is not to be served."""
        await startup()
        if not self.lifespan.should_exit and not await on_ready():
            await self.lifespan.shutdown()
            self.lifespan.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Check the connections once a second, and the parent each time."""
        # Until a worker without a parent stops, the next gateway cannot have its address.
        if has_lost_parent():
            self.stop()
        if counter % TICKS_PER_CHECK == 0:
            now = asyncio.get_running_loop().time()
            for connection in [*self.server_state.connections]:
                if isinstance(connection, Connection):  # not a WebSocket, which has pings
                    connection.check(now)
            self._keep_signals()
        return await super().on_tick(counter)

    def _keep_signals(self) -> None:
        """Take back the signals that stop the server, if an application has taken them."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) != self.handle_exit:
                signal.signal(number, self.handle_exit)
                name = signal.Signals(number).name
                logger.warning("An application has changed the handler of %s; put back", name)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully; stop at once on a second Ctrl-C.

        uvicorn's method would raise the signal again at the end, and so kill the process.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.stop()

    def stop(self) -> None:
        """Start to stop."""
        if not self.should_exit:
            self.should_exit = True
            grace = self.config.timeout_graceful_shutdown or 0
            exit_after(grace + STOP_MARGIN + self.extra_time)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer the requests that have arrived, and accept no more."""
        self.on_stop()
        await self._accept_waiting(sockets or [])
        self.on_close()
        # The connections accepted last may open event streams, which do not end by themselves.
        asyncio.get_running_loop().call_later(FIRST_REQUEST_TIMEOUT, self._shut_down_connections)
        await super().shutdown(sockets)

    async def _accept_waiting(self, listeners: list[socket.socket]) -> None:
        """Accept the waiting connections; closing the listener would reset them."""
        loop = asyncio.get_running_loop()
        if multiprocessing.parent_process() is None or has_lost_parent():
            # Otherwise the parent does, when all its workers stop.
            for listener in listeners:
                drop_new_connections(listener)
        # The last clients finish the TCP handshake.
        await asyncio.sleep(HANDSHAKE_TIME)
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


def reset_signals() -> None:
    """Let signals end a process that an application forks; only this process stops gracefully."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def has_lost_parent() -> bool:
    """Return whether this is a worker whose parent has died."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def exit_after(seconds: float) -> None:
    """Exit the process after some seconds, even if threads are still running."""

    def end() -> None:
        logger.error("Threads have not returned within %g s; the process exits anyway", seconds)
        os._exit(EXIT_THREADS_RUNNING)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
