"""Real servers on free loopback ports, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent


@contextmanager
def serve(
    *command: object, origin: str, path: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block ends.

    Args:
        command: a program of the virtual environment and its arguments.
        origin: where it listens, as in ``http://127.0.0.1:8000``.
        path: what is asked for until an answer comes.
        env: variables besides the suite's own.
    """
    process = subprocess.Popen(
        [str(SCRIPTS / str(command[0])), *map(str, command[1:])],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(process, origin + path)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.communicate()


def wait_for(process: subprocess.Popen[str], url: str, seconds: float = 30) -> None:
    """Ask until the server answers; fail with what it printed when it ends before that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"The server ended: {process.communicate()[0]}")
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.05)  # between two questions, not instead of one
    raise AssertionError(f"Nothing answered at {url}")
