"""Measure what the bridge costs: ``make bench-bridge``.

Every target runs at the same time in a server process of its own and is asked in turn, round by
round, so that a machine that gets slower meanwhile slows all of them. Ratios are taken within
each round; what is printed is their median, with the smallest and the largest.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

SCRIPTS = Path(sys.executable).parent
THREADS = 32
WAITING_THREADS = 256
STUCK = "/flask/api/wait?ms=10000"
UVICORN = "uvicorn --log-level warning --no-access-log --port {port}"


@dataclass(frozen=True)
class Server:
    """A command that serves on a port, and the variables it needs besides."""

    command: str
    threads: int = THREADS


SERVERS = {
    "bridge": Server(f"{UVICORN} --factory showdown.adapters:bridge"),
    "inline": Server(f"{UVICORN} --factory showdown.adapters:inline"),
    "a2wsgi": Server(f"{UVICORN} --factory showdown.adapters:stock"),
    "asgiref": Server(f"{UVICORN} --factory showdown.adapters:asgiref"),
    "gunicorn": Server(
        f"gunicorn --log-level warning --worker-class gthread --threads {THREADS}"
        " --bind 127.0.0.1:{port} flask_app:create_app()"
    ),
    "waitress": Server(
        f"waitress-serve --threads {THREADS} --listen 127.0.0.1:{{port}}"
        " --call flask_app:create_app"
    ),
    "granian": Server(
        f"granian --interface wsgi --blocking-threads {THREADS} --port {{port}}"
        " --log-level warning --factory flask_app:create_app"
    ),
    "gateway": Server(f"{UVICORN} gateway:app"),
    "fastapi": Server(f"{UVICORN} fastapi_app:app"),
    "waiting": Server(f"{UVICORN} gateway:app", WAITING_THREADS),
}


@dataclass(frozen=True)
class Case:
    """One request to one server, asked by so many connections at once.

    Any answer but 2xx ends the run, unless the case is known to fail. ``stuck`` is a path whose
    requests do not come back; ten of them are there all the while.
    """

    name: str
    server: str
    path: str
    connections: int = 32
    fails: bool = False
    stuck: str | None = None


CASES = [
    *(
        Case(f"{framework}, {server}", server, f"/{framework.lower()}/api/hello")
        for framework in ("Flask", "Django")
        for server in ("bridge", "inline", "a2wsgi")
    ),
    # On a connection that is kept open, asgiref's adapter fails every other request.
    Case("Flask, asgiref", "asgiref", "/flask/api/hello", fails=True),
    *(
        Case(f"Flask, {server}", server, "/api/hello")
        for server in ("gunicorn", "waitress", "granian")
    ),
    Case("FastAPI, gateway", "gateway", "/fastapi/api/hello"),
    Case("FastAPI, alone", "fastapi", "/api/hello"),
    Case("Django, gateway", "gateway", "/django/api/hello"),
    Case("FastAPI, Flask stuck", "gateway", "/fastapi/api/hello", stuck=STUCK),
    Case("Django, Flask stuck", "gateway", "/django/api/hello", stuck=STUCK),
    Case("Flask, 50 ms waits", "waiting", "/flask/api/wait?ms=50", WAITING_THREADS),
    Case("FastAPI, 50 ms waits", "waiting", "/fastapi/api/wait?ms=50", WAITING_THREADS),
]


@dataclass(frozen=True)
class Rule:
    """What a ratio of two cases is meant to be."""

    figure: str
    case: str
    other: str
    at_least: float = 0.0
    at_most: float = float("inf")


RULES = [
    *(
        rule
        for framework in ("Flask", "Django")
        for rule in (
            Rule("cpu", f"{framework}, bridge", f"{framework}, inline", at_most=1.15),
            Rule("cpu", f"{framework}, bridge", f"{framework}, a2wsgi", at_most=0.45),
            Rule("rate", f"{framework}, bridge", f"{framework}, a2wsgi", at_least=2.5),
        )
    ),
    Rule("rate", "Flask, bridge", "Flask, gunicorn", at_least=1.0),
    Rule("rate", "Flask, bridge", "Flask, waitress", at_least=1.0),
    Rule("rate", "FastAPI, gateway", "FastAPI, alone", at_least=0.9),
    Rule("rate", "FastAPI, Flask stuck", "FastAPI, gateway", at_least=0.9),
    Rule("rate", "Django, Flask stuck", "Django, gateway", at_least=0.9),
    Rule("rate", "Flask, 50 ms waits", "FastAPI, 50 ms waits", at_least=0.6),
]


@dataclass(frozen=True)
class Sample:
    """One measurement: requests a second, CPU microseconds of the server for each, failures."""

    rate: float
    cpu: float
    failed: float


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Rounds that count.")
@click.option("--seconds", default=2, show_default=True, help="Length of one measurement.")
def main(rounds: int, seconds: int) -> None:
    """Measure the bridge against other ways to serve the same WSGI applications."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is missing (Debian: apt-get install wrk)")
    samples: dict[str, list[Sample]] = defaultdict(list)
    with ExitStack() as stack, Progress(transient=True) as progress:
        running = {name: stack.enter_context(run(server)) for name, server in SERVERS.items()}
        task = progress.add_task("measuring", total=(rounds + 1) * len(CASES))
        for number in range(rounds + 1):
            for case in CASES:
                progress.update(task, description=case.name, advance=1)
                process, port = running[case.server]
                # The first round warms up: it starts the threads and fills the caches.
                sample = measure(process, port, case, seconds if number else 1)
                if number:
                    samples[case.name].append(sample)
    report(samples)


@contextmanager
def run(server: Server) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server on a free loopback port, with an empty database of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    program, *arguments = server.command.format(port=port).split()
    with tempfile.TemporaryDirectory() as directory:
        variables = {
            "GATEWAY_THREADS": str(server.threads),
            "GATEWAY_DATABASE_URL": f"sqlite:///{directory}/bench.sqlite3",
        }
        process = subprocess.Popen(
            [str(SCRIPTS / program), *arguments],
            env=os.environ | variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(process, port, program)
            yield process, port
        finally:
            process.terminate()
            process.wait(30)


def wait_for(process: subprocess.Popen[bytes], port: int, program: str) -> None:
    """Wait until something answers, whatever it says."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5)
        except URLError as error:
            if hasattr(error, "code"):
                return
            # Between two questions, not instead of one.
            time.sleep(0.1)
        else:
            return
    raise click.ClickException(f"{program} did not start")


def measure(process: subprocess.Popen[bytes], port: int, case: Case, seconds: int) -> Sample:
    """Let wrk ask for some seconds."""
    origin = f"http://127.0.0.1:{port}"
    wrk = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "--timeout", "20s"]
    with stick(origin + case.stuck) if case.stuck else nullcontext():
        before = cpu_seconds(process.pid)
        run = subprocess.run([*wrk, origin + case.path], capture_output=True, text=True, check=True)
        spent = cpu_seconds(process.pid) - before
    output = run.stdout
    failed = number_in(r"Non-2xx or 3xx responses: (\d+)", output)
    if (failed or "Socket errors" in output) and not case.fails:
        raise click.ClickException(f"{case.name}: not every request succeeded\n{output}")
    requests = number_in(r"(\d+) requests in", output)
    rate = number_in(r"Requests/sec:\s+([\d.]+)", output)
    return Sample(rate, spent / requests * 1e6, failed / requests)


@contextmanager
def stick(url: str) -> Iterator[None]:
    """Keep ten connections waiting for an answer."""
    command = ["wrk", "-t1", "-c10", "-d60s", "--timeout", "60s", url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def number_in(pattern: str, text: str) -> float:
    """Return the number that a pattern finds; 0 when it finds none."""
    match = re.search(pattern, text)
    return float(match[1]) if match else 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of its children, from proc(5)."""
    ticks = 0
    for entry in (pid, *children(pid)):
        fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def report(samples: dict[str, list[Sample]]) -> None:
    """Print every figure, then the ratios and what they are meant to be."""
    console = Console()
    columns = ("case", "CPU µs a request", "requests a second", "failed")
    figures = Table(*columns, title="Medians (min-max)")
    for name, rows in samples.items():
        failed = statistics.median(row.failed for row in rows)
        figures.add_row(
            name,
            spread([row.cpu for row in rows], 0),
            spread([row.rate for row in rows], 0),
            f"{failed:.0%}" if failed else "",
        )
    console.print(figures)
    ratios = Table("figure", "ratio of", "to", "median (min-max)", "meant", "", title="Ratios")
    for rule in RULES:
        pairs = zip(samples[rule.case], samples[rule.other], strict=True)
        values = [getattr(one, rule.figure) / getattr(two, rule.figure) for one, two in pairs]
        meant = f"≥ {rule.at_least}" if rule.at_least else f"≤ {rule.at_most}"
        reached = rule.at_least <= statistics.median(values) <= rule.at_most
        verdict = "[green]reached" if reached else "[red]missed"
        ratios.add_row(rule.figure, rule.case, rule.other, spread(values, 2), meant, verdict)
    console.print(ratios)


def spread(values: Sequence[float], digits: int) -> str:
    """Write a median with the smallest and the largest value."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    main()
