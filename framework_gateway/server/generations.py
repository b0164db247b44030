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

from framework_gateway.server.workers import end_if_orphaned

LISTEN_TIMEOUT = 5.0  # seconds to listen, when the applications have started
CLOSE_TIMEOUT = 2.0  # seconds to accept no more connections


Restart = Callable[[str], object]


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


class Parent:
    """The parent of a process that serves a version, as this process sees it.

    Args:
        connection: to the parent.
        restart: restarts the processes of a mount, given its prefix.
    """

    def __init__(self, connection: "Connection[Any, Any]", restart: Restart) -> None:
        self.connection = connection
        self.restart = restart
        self.started = threading.Event()
        threading.Thread(target=end_if_orphaned, args=(self.started,), daemon=True).start()

    def ask(self, report: Report) -> bool:
        """Return whether the process may listen."""
        self.connection.send(report)
        return bool(self.connection.recv())

    def note_listening(self) -> None:
        """Tell it that the process listens; from now on, obey it."""
        self.started.set()
        self.connection.send(True)
        threading.Thread(target=self._obey, daemon=True).start()

    def note_closed(self) -> None:
        """Tell it that the process accepts no more connections."""
        with suppress(OSError):  # it has ended
            self.connection.send(True)

    def _obey(self) -> None:
        """Restart the processes of mounts that it names, until it lets the process stop."""
        with suppress(EOFError, OSError):
            while prefix := self.connection.recv():
                self.restart(prefix)


Serve = Callable[[socket.socket, Parent], None]


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

    def wait_until_closed(self) -> None:
        """Return when it accepts no more connections, or has ended, or hangs."""
        with suppress(EOFError, OSError):
            if self.connection.poll(CLOSE_TIMEOUT):
                self.connection.recv()

    def has_ended(self) -> bool:
        """Return whether it has ended; kill it after its deadline."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.process.kill()
        return not self.process.is_alive()


def serve_generation(
    serve: Serve, restart: Restart, listener: socket.socket, connection: "Connection[Any, Any]"
) -> None:
    """Serve in a process of its own, when the parent agrees."""
    serve(listener, Parent(connection, restart))
