"""Servers in processes of their own: start them, read their usage from proc(5), end them."""

import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import click

from contract.settings import BASE_DIR
from showdown.bench.targets import Server, program

# Environment variables that would override a server's command line.
SERVERS_OWN = ("UVICORN_", "GUNICORN_", "GRANIAN_", "WEB_CONCURRENCY", "FORWARDED_", "GATEWAY_")

IDLE_SECONDS, IDLE_SHARE = 0.1, 0.1


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    process: subprocess.Popen[bytes]
    port: int
    log: Callable[[], str]


def require_proc() -> None:
    """Raise ClickException if CPU time and memory cannot be read."""
    if not Path("/proc/self/stat").exists():
        raise click.ClickException("This needs Linux: CPU time and memory are read from /proc")


@contextmanager
def run(server: Server, database_url: str, directory: Path) -> Iterator[Running]:
    """Run a server on a free loopback port until the block ends.

    Raises:
        ClickException: the server exited or did not respond; includes its output.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    variables = environment(server, database_url)
    build(server, directory, variables)
    line = server.command.format(port=port, threads=server.threads, directory=directory)
    command = shlex.split(line)
    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(
            [program(command[0]) or command[0], *command[1:]],
            cwd=server.cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(process, port, server, lambda: read(file))
            yield Running(process, port, lambda: read(file))
        finally:
            end(process)


def read(file: IO[bytes]) -> str:
    """Return the end of a server's output."""
    # Not seek(): the process shares its file position with this file.
    return os.pread(file.fileno(), 10_000_000, 0).decode(errors="replace")[-2000:]


def environment(server: Server, database_url: str) -> dict[str, str]:
    """Return the environment for a server, without variables that would make servers unequal."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(SERVERS_OWN)}
    return {
        **inherited,
        "GATEWAY_THREADS": str(server.threads),
        "GATEWAY_DATABASE_URL": database_url,
        # SQLite's writers retry without a queue: of 512 writers, some wait long.
        "GATEWAY_DATABASE_TIMEOUT": "60",
        "GATEWAY_SECRET_KEY": "k" * 50,  # only for the servers of this run, where nobody logs in
        **server.variables,
    }


def build(server: Server, directory: Path, variables: Mapping[str, str]) -> None:
    """Build the server's program, if it needs that."""
    if not server.build:
        return
    command = server.build.format(directory=directory).split()
    made = subprocess.run(
        [program(command[0]) or command[0], *command[1:]],
        cwd=BASE_DIR,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if made.returncode:
        raise click.ClickException(f"{server.build} failed: {made.stderr}")


def wait_for(
    process: subprocess.Popen[bytes], port: int, server: Server, log: Callable[[], str]
) -> None:
    """Wait until the server responds, with any status."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # A loopback URL, always http.
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()  # nosec B310
        except HTTPError as error:
            error.close()
            return
        except (URLError, ConnectionError, TimeoutError):
            # The pause between two attempts.
            time.sleep(0.1)
        else:
            return
    raise click.ClickException(f"{server.needs} did not start: {log()}")


def settle(server: Running) -> None:
    """Wait until a server has finished the work of one load, which would slow the next one."""
    deadline = time.monotonic() + 60
    spent = cpu_seconds(server.process.pid)
    while time.monotonic() < deadline:
        # The interval in which the server must be idle.
        time.sleep(IDLE_SECONDS)
        before, spent = spent, cpu_seconds(server.process.pid)
        if spent - before <= IDLE_SHARE * IDLE_SECONDS:
            return
    raise click.ClickException(f"a server is still busy a minute after the load: {server.log()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a server, and kill it if it does not exit."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        # A long sleep in a request may delay the exit; the children exit when their pipe closes.
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants, from proc(5)."""
    return sum(sum(_times(entry)[:2]) for entry in family(pid))


def reaped_seconds(pid: int) -> float:
    """Return the CPU time of the children of a process that have ended."""
    return sum(_times(pid)[2:])


def _times(pid: int) -> list[float]:
    """Return the seconds as user and as system, and those of the children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:15]]


def memory_peak(pid: int) -> int:
    """Return the peak resident memory of a process and its descendants, in bytes."""
    return sum(_kibibytes(entry, "VmHWM") for entry in family(pid)) * 1024


def memory_now(pid: int) -> int:
    """Return the resident memory of a process and its descendants, in bytes."""
    return sum(_kibibytes(entry, "VmRSS") for entry in family(pid)) * 1024


def family(pid: int) -> list[int]:
    """Return a process id and those of all its descendants."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        # A thread may end while its children are read.
        with suppress(FileNotFoundError, ProcessLookupError):
            children += map(int, task.read_text().split())
    return [pid, *(entry for child in children for entry in family(child))]


def _kibibytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0
