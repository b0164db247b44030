"""The cost of a mount at another address, compared with other proxies of the same worker."""

import http.client
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from showdown.bench.apps.proxies import find_nginx
from showdown.bench.bridge import CONNECTIONS
from showdown.bench.measure import Case
from showdown.bench.report import new_console
from showdown.bench.rules import Rule
from showdown.bench.servers import Running, memory_now, memory_peak, run
from showdown.bench.suites import Suite, measure_suite
from showdown.bench.targets import APPS, Server, Target
from showdown.bench.workloads import WORKLOADS

GIB = 2**30
STREAMS = 1000
PROXIES = ("direct", "gateway", "nginx", "starlette")
WORKERS = {"Flask": "flask", "FastAPI": "fastapi"}


def proxy_server(kind: str, worker: str) -> Server:
    """A proxy and its worker."""
    return Server(f"python -m {APPS}.proxies {kind} {worker} {{port}}")


PROXY_SERVERS = {
    f"{framework}, {kind}": proxy_server(kind, worker)
    for framework, worker in WORKERS.items()
    for kind in PROXIES
}


def proxy_case(name: str, connections: int) -> Case:
    """A case of greetings through a proxy; one connection shows the latency when idle."""
    title = name if connections > 1 else f"{name}, idle"
    prefix = "" if name.endswith("direct") else "/worker"
    return Case(Target(title, title, name, prefix), WORKLOADS["hello"], connections)


CASES = [proxy_case(name, number) for number in (CONNECTIONS, 1) for name in PROXY_SERVERS]
RULES = [
    rule
    for framework in WORKERS
    for rule in (
        Rule("rate", f"{framework}, gateway", f"{framework}, starlette", at_least=3.0),
        Rule("rate", f"{framework}, gateway", f"{framework}, nginx", at_least=0.7),
        Rule("cpu", f"{framework}, gateway", f"{framework}, nginx", at_most=3.0),
    )
]


SUITE = Suite("proxy", CASES, PROXY_SERVERS, RULES)


def measure_proxies(rounds: int, seconds: int) -> dict[str, Any]:
    """Measure every case; then large bodies and many streams through the gateway."""
    if find_nginx() is None:
        raise click.ClickException("nginx is missing (Debian: apt-get install nginx-light)")
    document = measure_suite(SUITE, rounds, seconds)
    print_streams()
    return document


def print_streams() -> None:
    """Print how much the gateway's memory grows."""
    loads: Mapping[str, Callable[[int], None]] = {
        "download of 1 GiB": download,
        "upload of 1 GiB": upload,
        f"{STREAMS} event streams": open_streams,
    }
    table = Table("load", "growth of the peak, MiB", title="Memory of gateway and worker together")
    for name, load in loads.items():
        with tempfile.TemporaryDirectory() as directory, start(Path(directory)) as running:
            table.add_row(name, f"{growth(running, load):.1f}")
    new_console().print(table)


def start(directory: Path) -> AbstractContextManager[Running]:
    """Run the gateway with a worker that streams."""
    return run(proxy_server("gateway", "streams"), "sqlite://", directory)


def growth(running: Running, load: Callable[[int], None]) -> float:
    """Return by how many MiB the peak of the memory exceeds what a small request takes."""
    send(running.port, "GET", "/worker/download?100000")
    before = memory_now(running.process.pid)
    load(running.port)
    return (memory_peak(running.process.pid) - before) / 2**20


def download(port: int) -> None:
    """Download 1 GiB."""
    send(port, "GET", f"/worker/download?{GIB}")


def upload(port: int) -> None:
    """Upload 1 GiB."""
    piece = bytes(2**20)
    send(port, "POST", "/worker/upload", (piece for _ in range(GIB // len(piece))))


def send(port: int, method: str, path: str, body: object = None) -> None:
    """Send a request, and read the whole response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request(method, path, body, encode_chunked=True)  # type: ignore[arg-type]
    response = connection.getresponse()
    while response.read(2**20):
        pass
    connection.close()


def open_streams(port: int) -> None:
    """Open many event streams, and read three events from each."""
    with ExitStack() as stack:
        streams = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for _ in range(STREAMS)
        ]
        for stream in streams:
            stream.sendall(b"GET /worker/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for stream in streams:
            received = b""
            while received.count(b"data: x") < 3:
                if not (part := stream.recv(65536)):
                    raise click.ClickException("an event stream ended too early")
                received += part
