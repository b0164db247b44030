"""Companion processes: what runs as long as the gateway does, such as a background worker."""

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
from contextlib import contextmanager
from functools import cache
from pathlib import Path

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # seconds before a companion is started again
STEADY = 60.0  # seconds after which a companion has started well
GRACE = 10.0  # seconds that a companion gets to stop
PR_SET_PDEATHSIG = 1  # prctl(2)


class CommandError(Exception):
    """A command cannot be run; the message says why."""


def parse_command(text: str) -> tuple[str, Sequence[str]]:
    """Read ``NAME=COMMAND`` or ``COMMAND``; the name is the command itself where none is given.

    Raises:
        CommandError: there is no command, or its quotes do not match.
    """
    name, equals, rest = text.partition("=")
    has_name = bool(equals) and name.replace("-", "").replace("_", "").isalnum()
    try:
        command = shlex.split(rest if has_name else text)
    except ValueError as error:
        raise CommandError(f"{text!r}: {error}") from error
    if not command:
        raise CommandError(f"{text!r} names no command")
    return (name if has_name else shlex.join(command)), command


class Companion:
    """One process, kept running by a thread.

    Args:
        name: of its logger, behind ``companion.``.
        command: its program and arguments; programs beside this Python come first.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[str] | None = None
        self.logger = logging.getLogger(f"companion.{name}")
        self.logger.setLevel(logging.INFO)
        self._stop = threading.Event()
        self._lock = threading.Lock()  # a stop must not miss a process that is being started
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask it to stop."""
        with self._lock:
            self._stop.set()
            if self.process is not None:
                self.process.terminate()

    def end_stop(self, seconds: float) -> None:
        """Wait until it has stopped; kill it after some seconds."""
        self._thread.join(seconds)
        if self._thread.is_alive() and self.process is not None:
            self.logger.warning("It has not stopped within %g s: killed", GRACE)
            self.process.kill()
            self._thread.join()

    def _keep_running(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            started = time.monotonic()
            status = self._run()
            if self._stop.is_set():
                return
            if time.monotonic() - started > STEADY:
                delay = FIRST_DELAY
            self.logger.warning("It has ended: %s; it starts again in %g s", status, delay)
            self._stop.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    def _run(self) -> str:
        """Run it once; return what became of it."""
        with self._lock:
            if self._stop.is_set():
                return "stopped"
            try:
                self.process = subprocess.Popen(
                    self.command,
                    env={**os.environ, "PATH": search_path(), "PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    preexec_fn=end_with_parent if load_prctl() else None,
                )
            except OSError as error:
                return f"{error.strerror} ({self.command[0]})"
        with self.process as process:
            assert process.stdout is not None
            for line in process.stdout:
                self.logger.info("%s", line.rstrip("\n"))
        return f"status {process.returncode}"


def search_path() -> str:
    """Return where programs are looked for: first beside this Python, as in an active venv."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


@cache
def load_prctl() -> "ctypes._NamedFuncPointer | None":
    """Return prctl(2); without it, companions outlive a gateway that is killed."""
    return getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Let Linux end this process when the thread that started it ends."""
    prctl = load_prctl()
    assert prctl is not None
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def accompanied_by(commands: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Run companions until the block ends.

    Each is started again when it ends, first after a second, then after twice as long each time, at
    most after a minute. Each line that it prints becomes a log record of ``companion.NAME``.
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
