"""One run of an application's process: its guardian, its socket, its output."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

from framework_gateway.processes import guardian
from framework_gateway.processes.plan import Plan, StartFailed
from framework_gateway.processes.proc import connections_to, memory_of

ANSWER_TIMEOUT = 1.0  # seconds for an answer while the process starts
PAUSE = 0.05  # seconds between two attempts
END_TIMEOUT = 10.0  # seconds for a guardian to end after the grace period
NOTICE = 0.5  # seconds until all workers know that an address is gone
KILLED = "killed by SIGKILL"
MAX_DIRECTORY = 75  # characters; unix(7) allows 108 bytes for the path of a socket
MAX_LINE = 4000  # bytes of a line of the output in the log
HEADERS = {"Host": "localhost", "User-Agent": "framework-gateway"}


class UnixConnection(HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def make_directory() -> Path:
    """Make a directory for a socket, which only this account may enter.

    The path of a Unix socket is limited, and that of the usual directory may be long.
    """
    usual = tempfile.gettempdir()
    directory = usual if len(usual) <= MAX_DIRECTORY else "/tmp"  # nosec B108
    return Path(tempfile.mkdtemp(prefix="gateway-process-", dir=directory))


class Instance:
    """A process that serves an application on a Unix socket of its own.

    Args:
        plan: what to run.
        logger: takes the lines of its output.

    Attributes:
        address: the path of its socket.
        end: how it has ended; None while it runs.
        reason: why the gateway has killed it.

    Raises:
        StartFailed: there is no room for a socket.
    """

    def __init__(self, plan: Plan, logger: logging.Logger) -> None:
        self.plan = plan
        self.logger = logger
        try:
            self.directory = make_directory()
        except OSError as error:
            raise StartFailed(str(error)) from error
        self.address = str(self.directory / "s")
        self.end: str | None = None
        self.reason: str | None = None
        self.pid: int | None = None
        self._last_line = ""
        self._unread = b""
        self._control: socket.socket | None = None

    def start(self, watch: Callable[[], object]) -> None:
        """Start the process, and wait until it answers.

        Args:
            watch: called while it waits, several times a second.

        Raises:
            StartFailed: it has ended, or has not answered in time, and is killed.
        """
        deadline = time.monotonic() + self.plan.start_timeout
        try:
            self._start_guardian()
            while not self.wait(PAUSE):
                watch()
                if self._answers():
                    return
                if time.monotonic() > deadline:
                    self.send(b"kill")
                    self.wait(END_TIMEOUT)
                    seconds = self.plan.start_timeout
                    raise StartFailed(f"it did not answer within {seconds:g} s")
            raise StartFailed(self.end or "")
        except (StartFailed, OSError) as error:
            self.close()
            raise StartFailed(str(error)) from error
        # Also a cancellation: nobody else would end the process.
        except BaseException:
            self.close()
            raise

    def _start_guardian(self) -> None:
        order = self.plan.order(Path(self.address))
        control, other = socket.socketpair()
        with other:
            self.guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", guardian.__file__],
                stdin=other.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal reaches the gateway alone
            )
        more = {"socket_directory": str(self.directory), "parent": os.getpid()}
        control.sendall(json.dumps({**order, **more}).encode() + b"\n")
        assert self.guardian.stdout is not None
        self._output = threading.Thread(target=self._log, args=(self.guardian.stdout,), daemon=True)
        self._output.start()
        self._control = control

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; return whether it has."""
        assert self._control is not None
        if self.end is None and wait([self._control], seconds):
            self._read_control(self._control)
        return self.end is not None

    def _read_control(self, control: socket.socket) -> None:
        """Read what the guardian says."""
        said = b""
        with suppress(ConnectionError):
            said = control.recv(4096)
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            self.pid = message.get("pid", self.pid)
            if "end" in message:
                self._note_end(message["end"])
        if not said and self.end is None:
            # Linux has killed the process; its children need not have ended.
            if self.pid is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
            self._note_end("its guardian was killed")

    def _note_end(self, how: str) -> None:
        self._output.join(PAUSE)
        failed = how.startswith("status ") and how != "status 0"
        # The reason is often in the last line.
        detail = self.reason or (self._last_line if failed else "")
        self.end = f"{how}: {detail}" if detail else how

    def _answers(self) -> bool:
        """Return whether the process answers a request."""
        path = self.plan.process.health
        status = self.ask("GET" if path else "OPTIONS", path or "/", ANSWER_TIMEOUT)
        return 200 <= status < 400 if path else status > 0

    def ask(self, method: str, path: str, timeout: float) -> int:
        """Send a request; return the status of the answer, 0 without one."""
        connection = UnixConnection(self.address, timeout)
        prefix = "" if self.plan.strips_prefix else self.plan.prefix
        headers = {**HEADERS, "X-Forwarded-Prefix": self.plan.prefix}
        if method == "OPTIONS":
            headers["Gateway-Check"] = "1"  # which the gateway's own server answers itself
        try:
            connection.request(method, prefix + path, headers=headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    @property
    def memory(self) -> int:
        """Resident memory of the process and its descendants, in bytes."""
        return memory_of(self.pid) if self.pid is not None else 0

    def send(self, message: bytes) -> None:
        """Tell the guardian to ``stop`` or to ``kill`` the process; any thread may do so."""
        if self._control is not None:
            with suppress(OSError):
                self._control.sendall(message + b"\n")

    def kill(self, reason: str) -> None:
        """Kill the process, without waiting for its end."""
        if self.reason is None:
            self.logger.error("is killed: %s", reason)
        self.reason = reason
        self.send(b"kill")

    def drain(self, is_urgent: Callable[[], bool]) -> None:
        """Wait until the gateway has no connection to the process, at most the grace period."""
        deadline = time.monotonic() + self.plan.grace
        began = time.monotonic()
        while time.monotonic() < deadline and not is_urgent() and not self.wait(PAUSE):
            if time.monotonic() > began + NOTICE and connections_to(self.address) == 0:
                return

    def stop(self) -> None:
        """Stop the process, and wait for it."""
        was_running = self.end is None
        self.send(b"stop")
        if not self.wait_to_end():
            self.logger.error("its guardian did not end and is killed")
            self.guardian.kill()
        elif was_running and self.end == KILLED:
            self.logger.warning("did not stop within %g s and was killed", self.plan.grace)
        self.close()

    def wait_to_end(self) -> bool:
        """Wait for the end of a process that stops; return whether it has ended."""
        deadline = time.monotonic() + self.plan.grace + END_TIMEOUT
        while time.monotonic() < deadline:
            if self.wait(PAUSE):
                return True
        return False

    def close(self) -> None:
        """Release what the instance holds; kill the guardian if it has not ended."""
        if self._control is not None:
            self._control.close()
            try:
                self.guardian.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.guardian.kill()
                self.guardian.wait()
            self._output.join(PAUSE)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _log(self, output: IO[bytes]) -> None:
        """Log the lines of the output until all processes that write to it have ended."""
        with output, suppress(ValueError):
            while line := output.readline(MAX_LINE):
                text = line.decode(errors="replace").rstrip()
                self._last_line = text.strip() or self._last_line
                self.logger.info("%s", text)
