"""The guardian runs one command, and leaves nothing of it behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from framework_gateway.processes import guardian
from tests.processes.gateways import ended, wait_until

SLEEP = "import time; time.sleep(600)"
# Ignores SIGTERM, and says when it does.
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('ready', flush=True); time.sleep(600)"
)
# Leaves a process in a session of its own behind, whose parent has ended.
LEAVES = """
import subprocess, sys
if len(sys.argv) > 1:
    left = subprocess.Popen([sys.executable, "-c", {code!r}], start_new_session=True)
    print(left.pid, flush=True)
else:
    subprocess.run([sys.executable, __file__, "again"])
"""


class Guarded:
    """A guardian, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]", gateway: socket.socket) -> None:
        self.process = process
        self.gateway = gateway
        self.lines = gateway.makefile("r")

    def hear(self) -> dict[str, Any]:
        """Return the next thing that it says."""
        found: dict[str, Any] = json.loads(self.lines.readline())
        return found

    @property
    def line(self) -> str:
        """The next line of the command's output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        """End the connection, as a gateway does that is killed."""
        self.lines.close()
        self.gateway.close()


@contextmanager
def guarding(directory: Path, *command: str, grace: float = 20) -> Iterator[Guarded]:
    """Run a command under a guardian until the block ends."""
    (sockets := directory / "sockets").mkdir()
    gateway, other = socket.socketpair()
    order = {
        "command": command,
        "directory": str(directory),
        "environment": {**os.environ},
        "user": None,
        "grace": grace,
        "socket_directory": str(sockets),
        "parent": os.getpid(),
    }
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guardian.__file__],
        stdin=other.fileno(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        other.close()
        gateway.sendall(json.dumps(order).encode() + b"\n")
        guarded = Guarded(process, gateway)
        try:
            yield guarded
        finally:
            guarded.leave()
    assert not sockets.exists()


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", code


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("raise SystemExit(7)", "status 7"),
        ("pass", "status 0"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    ],
)
def test_it_passes_on_how_the_command_ended(tmp_path: Path, code: str, end: str) -> None:
    with guarding(tmp_path, *python(code)) as guarded:
        assert guarded.hear()["pid"]
        assert guarded.hear() == {"end": end}
        assert guarded.process.wait(20) == 0


def test_it_says_why_a_command_cannot_be_run(tmp_path: Path) -> None:
    with guarding(tmp_path, "/no/such/program") as guarded:
        assert guarded.hear() == {"end": "No such file or directory (/no/such/program)"}


def test_it_ends_what_a_command_has_left_behind(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(LEAVES.format(code=SLEEP))
    with guarding(tmp_path, sys.executable, str(tmp_path / "leaves.py")) as guarded:
        left = int(guarded.line)
        guarded.hear()
        assert guarded.hear() == {"end": "status 0"}
        assert ended(left)


def test_it_stops_the_command_when_the_gateway_says_so(tmp_path: Path) -> None:
    with guarding(tmp_path, *python(SLEEP)) as guarded:
        guarded.hear()
        guarded.gateway.sendall(b"stop\n")
        assert guarded.hear() == {"end": "killed by SIGTERM"}


def test_it_kills_a_command_that_does_not_stop_in_time(tmp_path: Path) -> None:
    with guarding(tmp_path, *python(STUBBORN), grace=0.2) as guarded:
        guarded.hear()
        assert guarded.line == "ready"
        guarded.gateway.sendall(b"stop\n")
        assert guarded.hear() == {"end": "killed by SIGKILL"}


def test_it_kills_at_once_when_the_gateway_says_so(tmp_path: Path) -> None:
    with guarding(tmp_path, *python(STUBBORN)) as guarded:
        guarded.hear()
        assert guarded.line == "ready"
        guarded.gateway.sendall(b"kill\n")
        assert guarded.hear() == {"end": "killed by SIGKILL"}


def test_it_stops_the_command_when_the_gateway_has_ended(tmp_path: Path) -> None:
    with guarding(tmp_path, *python(SLEEP)) as guarded:
        pid = guarded.hear()["pid"]
        guarded.leave()
        assert guarded.process.wait(20) == 0
        assert ended(pid)


def test_the_command_ends_with_its_guardian(tmp_path: Path) -> None:
    with guarding(tmp_path, *python(SLEEP)) as guarded:
        pid = guarded.hear()["pid"]
        guarded.process.send_signal(signal.SIGKILL)
        wait_until(lambda: ended(pid))
        (tmp_path / "sockets").rmdir()
