"""Companion processes: commands that run as long as the gateway, such as a background worker."""

import ctypes
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from framework_gateway.loggers import get_logger

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # seconds until a companion is restarted
RESET_AFTER = 60.0  # seconds of running that reset the restart delay
GRACE = 10.0  # seconds for a companion to stop before it is killed
KILL_TIMEOUT = 1.0  # seconds until a killed process has ended
PR_SET_PDEATHSIG = 1  # prctl(2)


class CommandError(Exception):
    """A companion's command is invalid; the message says why."""


def parse_command(text: str) -> tuple[str, Sequence[str]]:
    """Parse ``NAME=COMMAND`` or ``COMMAND``; the default name is the command itself.

    Raises:
        CommandError: the command is empty, or its quotes do not match.
    """
    name, equals, rest = text.partition("=")
    has_name = bool(equals) and name.replace("-", "").replace("_", "").isalnum()
    try:
        command = shlex.split(rest if has_name else text)
    except ValueError as error:
        raise CommandError(f"{text!r}: {error}") from error
    if not command:
        raise CommandError(f"{text!r} contains no command")
    return (name if has_name else shlex.join(command)), command


class Companion:
    """One process, which a thread keeps running, and the processes that it starts.

    Args:
        name: the name of its logger, after ``companion.``.
        command: the program and its arguments; the directory of this Python is searched first.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[str] | None = None
        self.logger = get_logger(f"companion.{name}", logging.INFO)
        self._stop = threading.Event()
        self._lock = threading.Lock()  # a stop must not miss a process that is being started
        # As it is now: the mounted applications may change the variables of the gateway's process.
        self.environment = {**os.environ, "PATH": search_path(), "PYTHONUNBUFFERED": "1"}
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def begin_stop(self) -> None:
        """Send SIGTERM to the processes."""
        with self._lock:
            self._stop.set()
            self._send(signal.SIGTERM)

    def end_stop(self, seconds: float) -> None:
        """Wait until the processes have stopped; kill them after ``seconds``."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.logger.warning("not stopped within %g s; killed", GRACE)
            self._send(signal.SIGKILL)
            # One that has left the group may still hold the output open: do not wait for it.
            self._thread.join(KILL_TIMEOUT)

    def _send(self, number: signal.Signals) -> None:
        # Until its output has ended nobody waits for the process, so its id is not used again.
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _keep_running(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            started = time.monotonic()
            status = self._run()
            if self._stop.is_set():
                return
            if time.monotonic() - started > RESET_AFTER:
                delay = FIRST_DELAY
            self.logger.warning("ended: %s; restart in %g s", status, delay)
            self._stop.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    def _run(self) -> str:
        """Run the process once; return how it ended."""
        with self._lock:
            if self._stop.is_set():
                return "stopped"
            try:
                self.process = subprocess.Popen(
                    self.command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,  # one group of processes, which signals reach as one
                    preexec_fn=die_with_parent if load_prctl() else None,
                )
            except OSError as error:
                return f"{error.strerror} ({self.command[0]})"
        with self.process as process:
            assert process.stdout is not None
            for line in process.stdout:
                self.logger.info("%s", line.rstrip("\n"))
        return f"status {process.returncode}"


def search_path() -> str:
    """Return PATH with the directory of this Python in front, as in an active venv."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


@cache
def load_prctl() -> "ctypes._NamedFuncPointer | None":
    """Return prctl(2) on Linux, else None; without it, companions outlive a killed gateway."""
    return getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Make Linux terminate this process when the thread that started it ends."""
    prctl = load_prctl()
    assert prctl is not None
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def run_companions(commands: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Run companion processes until the block ends.

    A companion that ends is restarted, first after one second, then after twice as long each time,
    up to one minute. Each line that it prints becomes a record of the logger ``companion.NAME``.
    """
    companions = [Companion(name, command) for name, command in commands.items()]
    for companion in companions:
        companion.start()
    try:
        yield
    finally:
        for companion in companions:
            companion.begin_stop()
        deadline = time.monotonic() + GRACE
        for companion in companions:
            companion.end_stop(max(0.0, deadline - time.monotonic()))
