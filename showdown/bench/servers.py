"""Servers in processes of their own: started, watched in proc(5), and ended by their id."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import click

from contract.settings import BASE_DIR
from showdown.bench.targets import Server, program

# Variables by which servers take other settings than their command says.
SERVERS_OWN = ("UVICORN_", "GUNICORN_", "GRANIAN_", "WEB_CONCURRENCY", "FORWARDED_", "GATEWAY_")

IDLE_SECONDS, IDLE_SHARE = 0.1, 0.1


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    port: int
    log: Callable[[], str]


def require_proc() -> None:
    """Raise ClickException where CPU time and memory cannot be read."""
    if not Path("/proc/self/stat").exists():
        raise click.ClickException("CPU time and memory are read from /proc: Linux is needed")


@contextmanager
def run(server: Server, database_url: str, directory: Path) -> Iterator[Running]:
    """Run a server on a free loopback port until the block ends.

    Raises:
        ClickException: it ended or did not answer; with what it printed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    variables = environment(server, database_url)
    build(server, directory, variables)
    command = server.command.format(port=port, threads=server.threads, directory=directory).split()
    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(
            [program(command[0]) or command[0], *command[1:]],
            cwd=BASE_DIR,
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
    """Return the last of what a server has printed so far."""
    # Not seek(): the process writes at the position that it shares with this file.
    return os.pread(file.fileno(), 10_000_000, 0).decode(errors="replace")[-2000:]


def environment(server: Server, database_url: str) -> dict[str, str]:
    """Hand on the environment, less whatever would make servers unequal."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(SERVERS_OWN)}
    return {
        **inherited,
        "GATEWAY_THREADS": str(server.threads),
        "GATEWAY_DATABASE_URL": database_url,
        # SQLite's writers queue by luck: with 512 of them, some wait long.
        "GATEWAY_DATABASE_TIMEOUT": "60",
        "GATEWAY_SECRET_KEY": "k" * 50,  # of servers that nobody logs in to, gone with them
        **server.variables,
    }


def build(server: Server, directory: Path, variables: Mapping[str, str]) -> None:
    """Make the program that a server runs, where it has to be made."""
    if not server.build:
        return
    command = server.build.format(directory=directory).split()
    made = subprocess.run(
        command, cwd=BASE_DIR, env=variables, capture_output=True, text=True, timeout=300
    )
    if made.returncode:
        raise click.ClickException(f"{server.build} failed: {made.stderr}")


def wait_for(
    process: subprocess.Popen[bytes], port: int, server: Server, log: Callable[[], str]
) -> None:
    """Wait until something answers, whatever it says."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # Loopback, always by HTTP.
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()  # nosec B310
        except HTTPError as error:
            error.close()
            return
        except (URLError, ConnectionError, TimeoutError):
            # Between two questions, not instead of one.
            time.sleep(0.1)
        else:
            return
    raise click.ClickException(f"{server.needs} did not start: {log()}")


def settle(server: Running) -> None:
    """Wait until a server has worked off what a load left behind: it would slow the next one."""
    deadline = time.monotonic() + 60
    spent = cpu_seconds(server.process.pid)
    while time.monotonic() < deadline:
        # The interval in which it must do nothing.
        time.sleep(IDLE_SECONDS)
        before, spent = spent, cpu_seconds(server.process.pid)
        if spent - before <= IDLE_SHARE * IDLE_SECONDS:
            return
    raise click.ClickException(f"a server is still busy a minute after the load: {server.log()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server: kindly, then not."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        # A request that sleeps for long may hold it; its children end when their pipe does.
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of what it started, from proc(5)."""
    ticks = 0
    for entry in family(pid):
        fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_peak(pid: int) -> int:
    """Return the largest resident memory of a process and of what it started, in bytes."""
    return sum(_kibibytes(entry, "VmHWM") for entry in family(pid)) * 1024


def memory_now(pid: int) -> int:
    """Return the resident memory of a process and of what it started, in bytes."""
    return sum(_kibibytes(entry, "VmRSS") for entry in family(pid)) * 1024


def family(pid: int) -> list[int]:
    """Return a process and, below it, all that were started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [pid, *(entry for child in children for entry in family(child))]


def _kibibytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0
