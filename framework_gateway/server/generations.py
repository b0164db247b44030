"""Processes that each serve one version of the code, on one listening socket."""

import multiprocessing
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from framework_gateway.server.server import Callback
from framework_gateway.server.workers import end_if_orphaned

LISTEN_TIMEOUT = 5.0  # seconds to listen, when the applications have started

Failures = Mapping[str, str]  # what is wrong, by prefix
Ask = Callable[[Failures, Set[Path]], bool]  # also with the directories of the modules
Serve = Callable[[socket.socket, Callback, Ask], None]


class Generation:
    """A process that serves one version of the code.

    Attributes:
        deadline: when it is killed, if it stops; else None.
    """

    def __init__(self, serve: Serve, listener: socket.socket) -> None:
        # A new interpreter, so that every module is imported anew.
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self.process = context.Process(target=serve_generation, args=(serve, listener, there))
        self.process.start()
        there.close()
        self.deadline: float | None = None

    def receive(self) -> tuple[Failures, Set[Path]] | None:
        """Return what it asks with, as soon as it asks whether it may listen.

        Raises:
            EOFError: it has ended.
        """
        try:
            return self.connection.recv() if self.connection.poll() else None
        except ConnectionResetError as error:
            raise EOFError from error

    def listen(self) -> None:
        """Let it listen; return when it does.

        Raises:
            EOFError: it has ended, or takes too long.
        """
        try:
            self.connection.send(True)
            if not self.connection.poll(LISTEN_TIMEOUT):
                raise EOFError
            self.connection.recv()
        except (ConnectionResetError, BrokenPipeError) as error:
            raise EOFError from error

    def stop(self, seconds: float) -> None:
        """Let it answer its requests and end, within some seconds."""
        with suppress(OSError):
            self.connection.send(False)  # it may wait for an answer
        self.process.terminate()
        self.deadline = time.monotonic() + seconds

    def has_ended(self) -> bool:
        """Return whether it has ended; kill it after its deadline."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.process.kill()
        return not self.process.is_alive()


def serve_generation(
    serve: Serve, listener: socket.socket, connection: "Connection[Any, Any]"
) -> None:
    """Serve in a process of its own, when the parent agrees."""
    # Two edits within a second that keep the size of a file would get the bytecode of the first.
    sys.dont_write_bytecode = True
    started = threading.Event()
    threading.Thread(target=end_if_orphaned, args=(started,), daemon=True).start()

    def ask(failures: Failures, directories: Set[Path]) -> bool:
        connection.send((failures, directories))
        return bool(connection.recv())

    def on_start() -> None:
        started.set()
        connection.send(True)

    serve(listener, on_start, ask)
