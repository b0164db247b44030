"""Run several worker processes on one listening socket, and replace those that end."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from framework_gateway.server import server
from framework_gateway.server.listeners import drop_new_connections
from framework_gateway.server.server import Callback, do_nothing

logger = logging.getLogger("framework_gateway")

CHECK_INTERVAL = 0.2  # seconds between two checks of the workers and of signals
# Seconds after the graceful timeout until a worker is killed. A worker exits by itself before that
# and logs why; the extra 5 s are for a busy machine.
STOP_MARGIN = server.STOP_MARGIN + 5.0
EXIT_NOT_STARTED = 3  # exit status, the same as uvicorn's


class Workers:
    """Keeps a number of worker processes running until SIGTERM or SIGINT.

    uvicorn's supervisor does not fit: it only runs uvicorn's own server class, waits for it without
    a timeout, and keeps the socket open meanwhile, so that new connections get no response.

    Args:
        serve: called in each process with the listener and a callback. It serves until the process
            is stopped, and calls the callback when it has started. It must be picklable.
        number: the number of processes.
        listener: the listening socket.
        grace: seconds for running requests to finish when the workers stop.
        on_end: called with the id of each process that has ended.
    """

    def __init__(
        self,
        serve: Callable[[socket.socket, Callback], None],
        number: int,
        listener: socket.socket,
        grace: float,
        on_end: Callable[[int], object] = do_nothing,
    ) -> None:
        self.serve = serve
        self.number = number
        self.listener = listener
        self.grace = grace
        self.on_end = on_end
        self.processes: list[SpawnProcess] = []
        # Each worker starts a new interpreter, because threads do not survive a fork.
        self.context = multiprocessing.get_context("spawn")
        self.starts, self.on_start = self.context.Pipe(duplex=False)
        self.started = self.stopping = False

    def run(self) -> int:
        """Run the workers; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle_signal)
        while not self.stopping:
            self._start_missing()
            wait([self.starts, *(process.sentinel for process in self.processes)], CHECK_INTERVAL)
            while self.starts.poll():
                self.started = self.starts.recv()
            ended = self._remove_ended()
            if not self.started and any(process.exitcode != -signal.SIGKILL for process in ended):
                # Further workers would fail in the same way, unless this one was killed.
                self._stop()
                return EXIT_NOT_STARTED
        return self._stop()

    def _handle_signal(self, *_: Any) -> None:
        self.stopping = True

    def _start_missing(self) -> None:
        """Start missing workers; the first one alone, so that a start-up error shows once."""
        number = self.number if self.started else 1
        while len(self.processes) < number:
            process = self.context.Process(
                target=serve_with_parent, args=(self.serve, self.listener, self.on_start)
            )
            process.start()
            self.processes.append(process)

    def _remove_ended(self) -> list[SpawnProcess]:
        """Remove the processes that have ended, and return them."""
        ended = [process for process in self.processes if not process.is_alive()]
        for process in ended:
            self.processes.remove(process)
            self.on_end(process.pid or 0)
            if self.started or process.exitcode == -signal.SIGKILL:
                logger.warning(
                    "Worker %s has ended with status %s; starting another",
                    process.pid,
                    process.exitcode,
                )
        return ended

    def _stop(self) -> int:
        """Stop the workers; return 0 if all of them exited normally, else 1."""
        # First, because the kernel accepts connections while any process has the socket open.
        drop_new_connections(self.listener)
        self.listener.close()
        for process in self.processes:
            process.terminate()
        deadline = time.monotonic() + self.grace + STOP_MARGIN
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()
        # A worker that has not started to serve is killed by SIGTERM.
        normal = (0, -signal.SIGTERM)
        return int(any(process.exitcode not in normal for process in self.processes))


def serve_with_parent(
    serve: Callable[[socket.socket, Callback], None],
    listener: socket.socket,
    starts: "Connection[bool, bool]",
) -> None:
    """Serve in a worker process, and end if the parent dies before it has started.

    Until then, nothing else notices, and the address would stay in use for the next gateway.
    """
    started = threading.Event()
    threading.Thread(target=end_if_orphaned, args=(started,), daemon=True).start()

    def on_start() -> None:
        started.set()
        with suppress(BrokenPipeError):  # the parent has died; the server will notice
            starts.send(True)

    serve(listener, on_start)


def end_if_orphaned(started: threading.Event) -> None:
    """End this process when its parent has died, unless the server has started: it stops itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    if not started.is_set():
        os._exit(EXIT_NOT_STARTED)
