"""Processes that each serve one version of the code, on one listening socket."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from framework_gateway.server.server import Callback
from framework_gateway.server.workers import end_if_orphaned

LISTEN_TIMEOUT = 5.0  # seconds to listen, when the applications have started


@dataclass(frozen=True)
class Report:
    """What a process says of itself, before it may listen.

    Attributes:
        failures: what is wrong with mounts, by prefix.
        directories: those of its modules.
        modules: the files of its modules.
        isolated: the directories or files of applications in processes of their own, by prefix.
    """

    failures: Mapping[str, str]
    directories: Set[Path]
    modules: Set[Path]
    isolated: Mapping[str, Path]


Ask = Callable[[Report], bool]
Restart = Callable[[str], object]  # the processes of a mount, given its prefix
Serve = Callable[[socket.socket, Callback, Ask], None]


class Generation:
    """A process that serves one version of the code.

    Attributes:
        began: when it was started, as ``time.time()``.
        deadline: when it is killed, if it stops; else None.
    """

    def __init__(self, serve: Serve, restart: Restart, listener: socket.socket) -> None:
        # A new interpreter, so that every module is imported anew.
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        arguments = (serve, restart, listener, there)
        self.process = context.Process(target=serve_generation, args=arguments)
        self.began = time.time()
        self.process.start()
        there.close()
        self.deadline: float | None = None

    def receive(self) -> Report | None:
        """Return its report, as soon as it asks whether it may listen.

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

    def restart(self, prefix: str) -> None:
        """Let it restart the processes of a mount."""
        with suppress(OSError):  # it has ended; somebody else notices
            self.connection.send(prefix)

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
    serve: Serve, restart: Restart, listener: socket.socket, connection: "Connection[Any, Any]"
) -> None:
    """Serve in a process of its own, when the parent agrees."""
    started = threading.Event()
    threading.Thread(target=end_if_orphaned, args=(started,), daemon=True).start()

    def ask(report: Report) -> bool:
        connection.send(report)
        return bool(connection.recv())

    def on_start() -> None:
        started.set()
        connection.send(True)
        threading.Thread(target=obey, args=(connection, restart), daemon=True).start()

    serve(listener, on_start, ask)


def obey(connection: "Connection[Any, Any]", restart: Restart) -> None:
    """Restart the processes of mounts that the parent names, until the process stops."""
    with suppress(EOFError, OSError):
        while prefix := connection.recv():
            restart(prefix)
