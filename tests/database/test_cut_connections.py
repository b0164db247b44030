"""Each connection to PostgreSQL is cut in turn under load: nothing is lost, doubled or stuck."""

import json
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.conftest import FRAMEWORKS
from tests.databases import NUMBER_EVENTS, PostgreSQL, SQLite, free_port
from tests.events.test_export import fill
from tests.jobs.workers import files, names
from tests.servers import ROOT, run, serve
from tests.wsgi.server import wait_until

EVENTS = "/fastapi/api/users/events"
LIVE = "/fastapi/api/users/live"
EXPORTS = "/fastapi/api/exports"
ROUNDS = 3
USERS = 30_000  # so that an export takes about as long as until the next one is ordered
LISTENERS = 2
__all__ = ["files"]


class Load:
    """Writers, listeners and orders of exports, in threads until they are stopped."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.stopping = threading.Event()  # no more changes and orders
        self.ending = threading.Event()  # no more listening
        self.numbers = count()
        self.written: list[str] = []  # email addresses whose creation was acknowledged
        self.answers: Counter[int] = Counter()
        self.orders: list[str] = []
        self.seen: dict[str, list[int]] = {"sse": [], "websocket": []}

    def threads(self) -> list[Callable[[], None]]:
        """Return what the threads run."""
        writers = [lambda name=name: self.write(name) for name in FRAMEWORKS]
        return [*writers, self.order, self.listen, self.listen_by_websocket]

    def write(self, framework: str) -> None:
        with httpx.Client(base_url=self.origin, timeout=30) as client:
            while not self.stopping.is_set():
                email = f"u{next(self.numbers)}@example.com"
                user = {"name": framework, "email": email}
                status = client.post(f"/{framework}/api/users", json=user).status_code
                self.answers[status] += 1
                if status == 201:
                    self.written.append(email)

    def has_written(self, number: int) -> bool:
        """Return whether more users than a number have been created."""
        return len(self.written) > number

    def order(self) -> None:
        with httpx.Client(base_url=self.origin, timeout=30) as client:
            while not self.stopping.is_set():
                response = client.post(EXPORTS)
                self.answers[response.status_code] += 1
                if response.status_code == 202:
                    self.orders.append(response.headers["Location"])
                # The pause between two orders.
                self.stopping.wait(0.5)

    def listen(self) -> None:
        """Read server-sent events; continue after the last one, as a browser does."""
        seen = self.seen["sse"]
        with httpx.Client(base_url=self.origin, timeout=30) as client:
            while not self.ending.is_set():
                headers = {"Last-Event-ID": str(seen[-1] if seen else 0)}
                # The stream ends with its connection to the database.
                with (
                    suppress(httpx.TransportError),
                    client.stream("GET", EVENTS, headers=headers) as response,
                ):
                    for line in response.iter_lines():
                        if line.startswith("data: "):
                            seen.append(json.loads(line.removeprefix("data: "))["id"])
                        if self.ending.is_set():
                            return

    def listen_by_websocket(self) -> None:
        seen = self.seen["websocket"]
        address = self.origin.replace("http", "ws") + LIVE
        while not self.ending.is_set():
            after = seen[-1] if seen else 0
            with suppress(ConnectionClosed), connect(f"{address}?after={after}") as socket:
                while not self.ending.is_set():
                    with suppress(TimeoutError):
                        seen.append(json.loads(socket.recv(timeout=1))["id"])


@pytest.fixture
def admin(database: SQLite | PostgreSQL) -> Iterator[psycopg.Connection]:
    """A connection that is not cut."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite has no connections to cut")
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


def connections(admin: psycopg.Connection) -> list[int]:
    """Return the processes of the server that serve other connections."""
    rows = admin.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        " AND datname = current_database() AND pid <> pg_backend_pid() ORDER BY backend_start"
    )
    return [pid for (pid,) in rows]


@pytest.mark.slow
def test_every_connection_can_be_cut_under_load(
    database: SQLite | PostgreSQL, admin: psycopg.Connection, files: Path
) -> None:
    fill(database, USERS)
    own = {*connections(admin)}  # of this process
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--port", port, "--with", "worker=python manage.py worker")
    load = Load(origin)
    with (
        serve(*command, origin=origin, path="/flask/api/hello") as server,
        ThreadPoolExecutor(6) as pool,
    ):
        (worker,) = server.children
        running = [pool.submit(thread) for thread in load.threads()]
        try:
            wait_until(lambda: load.orders and all(load.seen.values()))
            cut = sum(cut_each(admin, load, own) for _ in range(ROUNDS))
            wait_until(partial(load.has_written, len(load.written) + 30))
            load.stopping.set()
            wait_until(lambda: all(thread.done() for thread in running[:-LISTENERS]))
            newest = last_event(admin)
            wait_until(lambda: all(seen[-1] == newest for seen in load.seen.values()))
            # Every export that was ordered is made.
            with httpx.Client(base_url=origin, timeout=30) as client:
                wait_until(lambda: states(client, load.orders) == {"finished"}, 60)
            wait_until(lambda: is_ready(origin))
        finally:
            load.stopping.set()
            load.ending.set()
        for thread in running:
            thread.result()
        assert server.children == [worker], "the worker ended"
    assert cut >= 3 * ROUNDS
    assert {*load.answers} <= {201, 202, 503}
    check_events(admin, load)
    # An order whose answer was lost may have been stored.
    found = {name.partition(".")[0] for name in names(files)}
    assert found == {str(key) for (key,) in admin.execute("SELECT id FROM exports")}
    assert found >= {path.rpartition("/")[2] for path in load.orders}


@pytest.mark.slow
def test_an_idle_worker_and_the_feed_outlive_a_restart(
    migrated: SQLite | PostgreSQL, files: Path
) -> None:
    if isinstance(migrated, SQLite):
        pytest.skip("SQLite has no server")
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--port", port, "--with", "worker=python manage.py worker")
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        other = PostgreSQL(Path(directory))
        env = {"GATEWAY_DATABASE_URL": other.url}
        with other.serving():
            assert run("python", ROOT / "manage.py", "prepare", env=env).returncode == 0
            with (
                serve(*command, origin=origin, path="/flask/api/hello", env=env) as server,
                httpx.Client(base_url=origin, timeout=30) as client,
                client.stream("GET", "/fastapi/api/users/events"),
            ):
                wait_until(lambda: is_ready(origin))
                before = server.children
                other.stop()
                wait_until(lambda: "task event feed" in warnings(client))
                other.start()
                wait_until(lambda: is_ready(origin))
                address = client.post(EXPORTS).headers["Location"]
                wait_until(lambda: states(client, [address]) == {"finished"})
                assert server.children == before
                metrics = client.get("/metrics").text.splitlines()
    assert 'companion_restarts_total{companion="worker"} 0.0' in metrics
    assert 'task_up{task="event feed"} 1.0' in metrics
    assert 'task_restarts_total{task="event feed"} 0.0' not in metrics


def warnings(client: httpx.Client) -> dict[str, str]:
    found: dict[str, str] = client.get("/health/ready").json()["warnings"]
    return found


def cut_each(admin: psycopg.Connection, load: Load, own: set[int]) -> int:
    """Cut each connection that is open now, one after the other; return their number."""
    found = [process for process in connections(admin) if process not in own]
    for process in found:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
        before = len(load.written)
        wait_until(partial(load.has_written, before + 3))
    return len(found)


def states(client: httpx.Client, orders: list[str]) -> set[str]:
    """Return the states of exports."""
    return {client.get(address).json()["state"] for address in orders}


def is_ready(origin: str) -> bool:
    document = httpx.get(f"{origin}/health/ready").json()
    return bool(document["ready"]) and not document["warnings"]


def last_event(admin: psycopg.Connection) -> int:
    admin.execute(NUMBER_EVENTS)
    row = admin.execute("SELECT max(id) FROM user_events").fetchone()
    assert row is not None
    newest: int = row[0]
    return newest


def check_events(admin: psycopg.Connection, load: Load) -> None:
    """Check that each stored user has one event, and that listeners saw each event once."""
    stored = Counter(
        email for (email,) in admin.execute("SELECT email FROM users WHERE name NOT LIKE 'user %'")
    )
    admin.execute(NUMBER_EVENTS)
    events = Counter(email for (email,) in admin.execute("SELECT email FROM user_events"))
    assert {*load.written} <= stored.keys()
    assert stored == events
    ids = [key for (key,) in admin.execute("SELECT id FROM user_events ORDER BY id")]
    for name, seen in load.seen.items():
        assert seen == ids, f"{name} lost or doubled events"
