"""Real servers on free loopback ports, each in a process of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2 as httpx

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent


class Server(subprocess.Popen[str]):
    """A process whose output goes to a file, which can be read at any time and never blocks it."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], file: IO[str], cwd: Path = ROOT
    ) -> None:
        super().__init__(
            command, cwd=cwd, env=env, stdout=file, stderr=subprocess.STDOUT, text=True
        )
        self.file = file

    @property
    def output(self) -> str:
        """The output of the process so far."""
        # Not seek(): the process shares its file position with this file.
        return os.pread(self.file.fileno(), os.fstat(self.file.fileno()).st_size, 0).decode()

    @property
    def children(self) -> list[int]:
        """The ids of its child processes, except those already waited for."""
        # Each thread has a list of its own.
        found = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(child) for children in found for child in children.read_text().split()]


def has_ended(process: int) -> bool:
    """Return whether a process has exited, even if its status has not been read."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def run(
    *command: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the virtual environment to its end.

    Args:
        command: the program and its arguments.
        env: variables in addition to the suite's own.
    """
    return subprocess.run(
        [SCRIPTS / str(command[0]), *map(str, command[1:])],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def running(
    *command: object, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[Server]:
    """Run a program until the block ends.

    Args:
        command: a program of the virtual environment, or another program's path, and its arguments.
        env: variables in addition to the suite's own.
        cwd: the working directory.
    """
    with tempfile.TemporaryFile("w+") as file:
        process = Server(
            [str(SCRIPTS / str(command[0])), *map(str, command[1:])],
            {**os.environ, **(env or {})},
            file,
            cwd,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()
                process.wait()


@contextmanager
def serve(
    *command: object,
    origin: str,
    path: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[Server]:
    """Run a server; the block begins when it answers, and the server stops when the block ends.

    Args:
        origin: its URL, such as ``http://127.0.0.1:8000``.
        path: requested until there is a response.
    """
    with running(*command, env=env, cwd=cwd) as process:
        wait_for(process, origin + path)
        yield process


def wait_for(process: Server, url: str, seconds: float = 30) -> None:
    """Send requests until the server answers; fail with its output if it exits first."""
    deadline = time.monotonic() + seconds
    # One client, because each new one reads all CA certificates while the server is starting.
    with httpx.Client(timeout=5) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(f"The server ended: {process.output}")
            try:
                client.get(url)
                return
            except httpx.TransportError:
                # The pause between two attempts.
                time.sleep(0.05)
    raise AssertionError(f"Nothing answered at {url}")
