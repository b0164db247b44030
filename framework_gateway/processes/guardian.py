"""A guardian: a small program between the gateway and a process that it has started.

It runs one command, passes on how it ended, and leaves nothing of it behind: when the command has
ended, when the gateway says so, or when the gateway itself has ended, in whatever way. On Linux,
processes that have left the command's process group or session become the guardian's children when
their parent ends (``PR_SET_CHILD_SUBREAPER``), so it finds and ends them, too.

The gateway runs this file as a program, with a socket as its standard input. The first line is an
order, a JSON object:

    command: the program and its arguments.
    directory, environment, user: of the process; user may be null.
    socket_directory: is removed at the end.
    grace: seconds for the process to stop before it is killed.
    parent: the id of the gateway's process.

``stop`` asks it to stop, as does the end of its input, and ``kill`` to do so at once. Its own lines
are JSON objects: ``{"pid": 1}`` when the command has started, then ``{"end": "status 1"}``.

It needs nothing but the standard library, so that it starts quickly and stays small.
"""

import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
LEFT_BEHIND = 2.0  # seconds for processes that the command has left behind to stop
KILL_TIMEOUT = 5.0  # seconds until killed processes have ended
PAUSE = 0.02  # seconds between two looks at processes that were killed

Order = dict[str, Any]


class Guardian:
    """Runs one command, and ends all that it has started."""

    def __init__(self, order: Order, gateway: socket.socket) -> None:
        self.order = order
        self.gateway = gateway
        self.deadline: float | None = None  # when a process that stops is killed
        self.status: int | None = None
        self.wake, writer = socket.socketpair()
        for one in (self.wake, writer):
            one.setblocking(False)
        self._writer = writer  # closing it would end the wake-ups
        self.watched = [self.wake, self.gateway]
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop())

    def run(self) -> None:
        """Run the command to its end."""
        try:
            process = start(self.order)
        except (OSError, KeyError) as error:
            if isinstance(error, KeyError):
                return self.tell(end=f"there is no user {self.order['user']}")
            return self.tell(end=f"{error.strerror} ({self.order['command'][0]})")
        self.pid = process.pid
        self.tell(pid=self.pid)
        while self.status is None:
            self._wait()
        # Popen must not wait for an id that another process may have by now.
        process.returncode = self.status
        self._end_rest()
        self.tell(end=describe(self.status))

    def tell(self, **message: object) -> None:
        """Send a line to the gateway, which may have ended."""
        with suppress(OSError):
            self.gateway.sendall(json.dumps(message).encode() + b"\n")

    def stop(self) -> None:
        """Ask the command to stop; it is killed after its grace period."""
        if self.deadline is None:
            self.deadline = time.monotonic() + self.order["grace"]
            self._send(signal.SIGTERM)

    def _wait(self) -> None:
        """Wait for the gateway, the command or the deadline, and act."""
        timeout = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        ready, _, _ = select.select(self.watched, [], [], timeout)
        if self.wake in ready:
            self.wake.recv(4096)
        if self.gateway in ready:
            self._obey()
        self._reap()
        if self.deadline is not None and time.monotonic() >= self.deadline and self.status is None:
            self._kill_all()

    def _obey(self) -> None:
        """Read what the gateway says, or that it has ended."""
        said = b""
        with suppress(ConnectionError):
            said = self.gateway.recv(4096)
        if not said:
            self.watched.remove(self.gateway)
        self.stop()
        if b"kill" in said:
            self.deadline = time.monotonic()

    def _reap(self) -> bool:
        """Collect the processes that have ended; return whether others are left."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.pid:
                    self.status = os.waitstatus_to_exitcode(found[1])
            return True
        return False

    def _end_rest(self) -> None:
        """End what the command has left behind."""
        deadline = max(self.deadline or 0.0, time.monotonic() + LEFT_BEHIND)
        for pid in children():
            send(pid, signal.SIGTERM)
        while self._reap() and (left := deadline - time.monotonic()) > 0:
            if select.select([self.wake], [], [], left)[0]:
                self.wake.recv(4096)
        self._kill_all()

    def _kill_all(self) -> None:
        """Kill all processes; those of a process that has ended become children, and follow."""
        deadline = time.monotonic() + KILL_TIMEOUT
        self._send(signal.SIGKILL)
        while self._reap() and time.monotonic() < deadline:
            for pid in children():
                send(pid, signal.SIGKILL)
            select.select([], [], [], PAUSE)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the command's process group, as long as its id belongs to it."""
        if self.status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def start(order: Order) -> "subprocess.Popen[bytes]":
    """Start the command in a process group of its own.

    Raises:
        OSError: it cannot be run.
        KeyError: there is no such user.
    """
    account: dict[str, Any] = {}
    if order["user"] is not None:
        entry = pwd.getpwnam(order["user"])
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
        os.chown(order["socket_directory"], entry.pw_uid, entry.pw_gid)
    return subprocess.Popen(
        order["command"],
        cwd=order["directory"],
        env=order["environment"],
        stdin=subprocess.DEVNULL,
        process_group=0,
        # This process has one thread, so code between fork and exec is safe.
        preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        **account,
    )


def prctl(option: int, value: int) -> None:
    """Call prctl(2) on Linux; elsewhere, do nothing."""
    call: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    if sys.platform == "linux" and call is not None:
        call(option, value)


def children() -> Iterator[int]:
    """Yield the ids of the children of this process (proc(5)); none on other systems."""
    own = str(os.getpid()).encode()
    for entry in os.listdir("/proc") if sys.platform == "linux" else []:
        if entry.isdecimal():
            with suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                # The name of the program, in parentheses, may contain anything.
                if file.read().rpartition(b")")[2].split()[1] == own:
                    yield int(entry)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a child, which has not been waited for."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def describe(status: int) -> str:
    """Return how a process ended, given its exit status, or minus the number of a signal."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def main() -> None:
    """Guard the process that the gateway describes."""
    gateway = socket.socket(fileno=os.dup(0))
    with gateway.makefile("rb", buffering=0) as lines:
        order: Order = json.loads(lines.readline())
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    guardian = Guardian(order, gateway)
    # Where a process that the gateway has forked keeps the socket open, this tells of its end.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        if os.getppid() == order["parent"]:
            guardian.run()
    finally:
        shutil.rmtree(order["socket_directory"], ignore_errors=True)


if __name__ == "__main__":
    main()
