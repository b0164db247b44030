"""Several processes that serve from one listening socket, and their parent, which replaces them."""

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from framework_gateway.server import server
from framework_gateway.server.listeners import drop_new_connections
from framework_gateway.server.server import Callback, ignore

logger = logging.getLogger("framework_gateway")

LOOK = 0.2  # seconds between two looks at the workers and at what the parent has been told
# Seconds beyond the graceful timeout until a worker is killed. Each ends itself before that, and
# says why; on a busy machine it does so later.
MARGIN = server.MARGIN + 5.0
NOT_STARTED = 3  # exit status, as uvicorn's own


class Workers:
    """Keeps a number of worker processes running until SIGTERM or SIGINT.

    uvicorn's own supervisor makes servers of uvicorn's kind alone, waits for them without end, and
    keeps the socket open meanwhile, so that nobody answers whoever connects.

    Args:
        serve: serves from the listener until the process is told to stop, and calls its second
            argument when it has begun to; it is pickled, and called in each process.
        number: how many.
        listener: the socket.
        grace: seconds that workers get for their running requests when they have to stop.
        on_end: called with the id of each process that has ended.
    """

    def __init__(
        self,
        serve: Callable[[socket.socket, Callback], None],
        number: int,
        listener: socket.socket,
        grace: float,
        on_end: Callable[[int], object] = ignore,
    ) -> None:
        self.serve = serve
        self.number = number
        self.listener = listener
        self.grace = grace
        self.on_end = on_end
        self.processes: list[SpawnProcess] = []
        # Each process begins with an interpreter of its own: threads do not survive a fork.
        self.context = multiprocessing.get_context("spawn")
        self.starts, self.on_start = self.context.Pipe(duplex=False)
        self.started = self.stopping = False

    def run(self) -> int:
        """Run the workers; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle_signal)
        while not self.stopping:
            self._fill()
            wait([self.starts, *(process.sentinel for process in self.processes)], LOOK)
            while self.starts.poll():
                self.started = self.starts.recv()
            if self._forget_dead() and not self.started:
                # The others would fail in the same way, again and again.
                self._stop()
                return NOT_STARTED
        return self._stop()

    def _handle_signal(self, *_: Any) -> None:
        self.stopping = True

    def _fill(self) -> None:
        """Start what is missing; the first one alone, so that what prevents it is said once."""
        number = self.number if self.started else 1
        while len(self.processes) < number:
            process = self.context.Process(
                target=self.serve, args=(self.listener, partial(self.on_start.send, True))
            )
            process.start()
            self.processes.append(process)

    def _forget_dead(self) -> bool:
        """Forget the processes that have ended; return whether there was one."""
        dead = [process for process in self.processes if not process.is_alive()]
        for process in dead:
            self.processes.remove(process)
            self.on_end(process.pid or 0)
            if self.started:
                logger.warning(
                    "The worker %s has ended with status %s; another takes its place",
                    process.pid,
                    process.exitcode,
                )
        return bool(dead)

    def _stop(self) -> int:
        """Stop the workers; return 0 when all of them ended in good order, else 1."""
        # First: as long as one process has it open, the kernel takes connections for it.
        drop_new_connections(self.listener)
        self.listener.close()
        for process in self.processes:
            process.terminate()
        deadline = time.monotonic() + self.grace + MARGIN
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()
        # One that had not begun to serve dies of the signal.
        good = (0, -signal.SIGTERM)
        return int(any(process.exitcode not in good for process in self.processes))
