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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import IO

from framework_gateway.loggers import get_logger

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # seconds until a companion is restarted
RESET_AFTER = 60.0  # seconds of running that reset the restart delay
GRACE = 10.0  # seconds for a companion to stop before it is killed
LEFT_BEHIND = 5.0  # seconds for the processes that a companion has left to stop
KILL_TIMEOUT = 1.0  # seconds until a killed process has ended
PR_SET_PDEATHSIG = 1  # prctl(2)


class CommandError(Exception):
    """A companion's command is invalid; the message says why."""


class CompanionState(ctypes.Structure):
    """Whether a companion runs; all processes of a gateway see the same state."""

    _fields_ = (
        ("is_running", ctypes.c_bool),
        ("restarts", ctypes.c_uint64),
        ("_end", ctypes.c_char * 80),
    )

    def begin(self) -> None:
        """Note that the process has started."""
        self.is_running = True

    def end(self, how: str) -> None:
        """Note that the process has ended and will be started again."""
        self.is_running = False
        self.restarts += 1
        self._end = how.encode()[:80]

    @property
    def fault(self) -> str | None:
        """Why the companion does not run, as one line; None if it does."""
        if self.is_running:
            return None
        end = self._end.decode(errors="replace")
        return f"it has ended ({end}) and starts again" if end else "it has not started yet"


CompanionStates = Mapping[str, CompanionState]


def create_states(names: Iterable[str]) -> CompanionStates:
    """Create states in memory that processes share when they get them as an argument."""
    return {name: RawValue(CompanionState) for name in names}


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
        raise CommandError(f"{text}: {error}") from error
    if not command:
        raise CommandError("there is no command")
    return (name if has_name else shlex.join(command)), command


class Companion:
    """One process, which a thread keeps running, and the processes that it starts.

    Args:
        name: the name of its logger, after ``companion.``.
        command: the program and its arguments; the directory of this Python is searched first.
        state: is kept up to date; other processes may share it.
    """

    def __init__(self, name: str, command: Sequence[str], state: CompanionState) -> None:
        self.name = name
        self.command = command
        self.state = state
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
            self._thread.join(2 * KILL_TIMEOUT)

    def _send(self, number: signal.Signals) -> None:
        # Until its group has ended nobody waits for the process, so its id is not used again.
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _keep_running(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            started = time.monotonic()
            status = self._run_once()
            if self._stop.is_set():
                return
            if time.monotonic() - started > RESET_AFTER:
                delay = FIRST_DELAY
            self.state.end(status)
            self.logger.warning("ended: %s; restart in %g s", status, delay)
            self._stop.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    def _run_once(self) -> str:
        """Run the process once, whatever happens; return how it ended."""
        try:
            return self._run()
        except Exception as error:  # without this thread nobody would start it again
            self.logger.exception("cannot be run")
            if self.process is not None and self.process.returncode is None:
                self._send(signal.SIGKILL)
                self.process.wait(KILL_TIMEOUT)
            return type(error).__name__

    def _run(self) -> str:
        with self._lock:
            if self._stop.is_set():
                return "stopped"
            try:
                self.process = process = subprocess.Popen(
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
            self.state.begin()
        assert process.stdout is not None
        output = threading.Thread(target=self._log, args=(process.stdout,), daemon=True)
        output.start()
        wait_for_end(process)
        self._end_group(output)
        with self._lock:
            process.wait()
        return f"status {process.returncode}"

    def _end_group(self, output: threading.Thread) -> None:
        """End the processes that the companion has left behind.

        Otherwise they would still run after the next start, and keep the output open.
        """
        self._send(signal.SIGTERM)
        output.join(GRACE if self._stop.is_set() else LEFT_BEHIND)
        if output.is_alive():
            self._send(signal.SIGKILL)
            # One that has left the group may still hold the output open: do not wait for it.
            output.join(KILL_TIMEOUT)

    def _log(self, output: IO[str]) -> None:
        """Log the lines of the output until all processes that write to it have ended."""
        with output, suppress(ValueError):
            for line in output:
                self.logger.info("%s", line.rstrip("\n"))


def wait_for_end(process: "subprocess.Popen[str]") -> None:
    """Wait until a process has ended.

    Where the system can, it stays a zombie: until it is waited for, its id is that of its group.
    """
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


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
def run_companions(commands: Mapping[str, Sequence[str]]) -> Iterator[CompanionStates]:
    """Run companion processes until the block ends.

    A companion that ends is restarted, first after one second, then after twice as long each time,
    up to one minute. Each line that it prints becomes a record of the logger ``companion.NAME``.

    Yields:
        Their states, by name.
    """
    states = create_states(commands)
    companions = [Companion(name, command, states[name]) for name, command in commands.items()]
    for companion in companions:
        companion.start()
    try:
        yield states
    finally:
        for companion in companions:
            companion.begin_stop()
        deadline = time.monotonic() + GRACE
        for companion in companions:
            companion.end_stop(max(0.0, deadline - time.monotonic()))
