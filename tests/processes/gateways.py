"""Gateways with applications in processes of their own, clients, and load."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx

from tests.databases import free_port
from tests.gateways import total
from tests.servers import Server, has_ended, serve
from tests.wsgi import server

PATIENCE = 60  # seconds, since interpreters start; only a failing test waits that long


def wait_until(condition: Callable[[], object]) -> None:
    """Poll until a condition holds; fail if it never does."""
    server.wait_until(condition, PATIENCE)


class Isolating:
    """A running ``gateway serve``."""

    def __init__(self, origin: str, process: Server) -> None:
        self.origin = origin
        self.process = process

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Send one request on a new connection."""
        return httpx.get(self.origin + path, **{"timeout": 20, **options})

    def probe(self, path: str = "/probe/", **options: Any) -> dict[str, Any]:
        """Return what the application PROBE says of itself."""
        found: dict[str, Any] = self.get(path, **options).raise_for_status().json()
        return found

    def wait_for(self, path: str, status: int = 200) -> httpx.Response:
        """Send requests until one has this status."""
        found: list[httpx.Response] = []

        def look() -> bool:
            found[:] = [self.get(path)]
            return found[0].status_code == status

        wait_until(look)
        return found[0]

    @property
    def readiness(self) -> dict[str, Any]:
        """The document of ``/health/ready``."""
        found: dict[str, Any] = self.get("/health/ready").json()
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric."""
        return total(self.get("/metrics").text, name, **labels)

    def wait_for_output(self, text: str) -> None:
        """Wait until the gateway has written a text."""
        wait_until(lambda: text in self.process.output)


@contextmanager
def isolating(directory: Path, *arguments: str, **mounts: str) -> Iterator[Isolating]:
    """Run a gateway until the block ends.

    Args:
        directory: where it runs.
        arguments: of ``gateway serve``.
        mounts: import strings by prefix, without a slash.
    """
    port = free_port()
    command = ["gateway", "serve", "--port", str(port), "--only-mounts", *arguments]
    for prefix, name in mounts.items():
        command += ["--mount", f"/{prefix}={name}"]
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, origin=origin, path="/health/live", cwd=directory) as process:
        yield Isolating(origin, process)


class Load:
    """Clients that send requests one after the other until the block ends.

    Attributes:
        seen: how often each status was received; 0 without a response.
    """

    def __init__(self, url: str, clients: int = 4) -> None:
        self.url = url
        self.seen: Counter[int] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.seen.total() > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, number: int = 50) -> None:
        """Wait until more requests are answered."""
        enough = self.seen.total() + number
        wait_until(lambda: self.seen.total() >= enough)

    def _send(self) -> None:
        with httpx.Client(timeout=20) as client:
            while not self._stop.is_set():
                status = 0
                with suppress(httpx.TransportError):
                    status = client.get(self.url).status_code
                self.seen[status] += 1


def ended(*processes: int) -> bool:
    """Return whether all of these processes have ended."""
    return all(map(has_ended, processes))


def parent_of(process: int) -> int:
    """Return the id of the parent of a process."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
