"""Clients of the demo: each sends requests one after the other, and notes what is wrong."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx

CLIENTS = 8
PAUSE = 0.05  # seconds between two requests of one client
TIMEOUT = 20.0
PATHS = (
    "/users/api/users?limit=20",
    "/users/api/users/1",
    "/users/api/hello",
    "/users/api/wait?ms=1",
)


class Clients:
    """Counts the answers of all clients.

    Attributes:
        statuses: how many answers there were, by status.
        faults: connections that broke, and answers that no client should get.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, number: int) -> None:
        """Send requests until the demo ends."""
        headers = {"X-Client": f"client-{number}"}
        with httpx.Client(base_url=self.origin, headers=headers, timeout=TIMEOUT) as client:
            for path in itertools.cycle(PATHS):
                # The rate of a person's program, in place of as fast as it can.
                if self._stop.wait(PAUSE):
                    return
                self.note(client, path)

    def note(self, client: httpx.Client, path: str) -> None:
        """Send one request, and count its answer."""
        try:
            status, fault = client.get(path).status_code, ""
        except httpx.HTTPError as error:
            status, fault = 0, f"{path}: {error!r}"
        with self._lock:
            self.statuses[status] += 1
            if fault or status >= 400:
                self.faults.append(fault or f"{path}: {status}")

    def stop(self) -> None:
        """End after the requests that are on their way."""
        self._stop.set()


@contextmanager
def running_clients(origin: str) -> Iterator[Clients]:
    """Send requests from several clients until the block ends."""
    clients = Clients(origin)
    threads = [threading.Thread(target=clients.run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        clients.stop()
        for thread in threads:
            thread.join()
