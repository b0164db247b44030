"""The stores of moves: a write never overwrites what it has not read."""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import pytest

from framework_gateway.migrate.bounds import EvidenceOptions
from framework_gateway.migrate.evidence import RouteEvidence
from framework_gateway.migrate.options import Rule, Stage
from framework_gateway.migrate.postgresql_store import PostgreSQLStore
from framework_gateway.migrate.sharing import SharedEvidence, SharedState
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.stores import FileStore, Store, StoreError, open_store
from framework_gateway.migrate.windows import SharedWindows
from tests.databases import PostgreSQL, free_port, redis_server


@pytest.fixture(params=["file", "redis", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a real store of each kind."""
    if request.param == "file":
        yield str(tmp_path / "moves.sqlite3")
    elif request.param == "redis":
        with redis_server() as url:
            yield url
    else:
        # Not below tmp_path, which the user that runs PostgreSQL cannot read.
        with TemporaryDirectory() as directory:
            database = PostgreSQL(Path(directory))
            with database.serving():
                yield database.url


def test_a_store_refuses_a_version_that_is_not_the_current_one(address: str) -> None:
    one, other = open_store(address), open_store(address)
    assert one.read("state /api") is None
    assert one.write("state /api", "first", 0)
    assert not other.write("state /api", "lost", 0)
    assert other.write("state /api", "second", 1)
    assert not one.write("state /api", "lost", 1)
    assert one.read("state /api") == (2, "second")
    assert other.versions("state ") == {"state /api": 2}
    assert other.versions("evidence ") == {}
    one.close()
    other.close()


def test_changes_of_many_processes_are_all_kept(address: str) -> None:
    stores = [open_store(address) for _ in range(4)]

    def change(number: int) -> None:
        shared = SharedState(stores[number], "/api")
        for step in range(5):
            rule = Rule(route=f"/{number}/{step}", stage=Stage.SHADOW)
            shared.change(lambda state: state.with_rule(rule, f"person {number}"))  # noqa: B023

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    state = SharedState(stores[0], "/api").read()
    assert len(state.rules) == len(state.history) == 20
    assert {entry.who for entry in state.history} == {f"person {n}" for n in range(4)}
    for store in stores:
        store.close()


def test_evidence_of_many_workers_is_added_up(address: str) -> None:
    stores = [open_store(address) for _ in range(3)]

    def add(store: Store) -> None:
        shared = SharedEvidence(store, "/api")
        for _ in range(5):
            more = RouteEvidence()
            more.counts["requests"] += 1
            more.latencies["new"].add(0.01)
            shared.add("GET /users", more, token_hex(8))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, stores))
    found = SharedEvidence(stores[0], "/api").read()["GET /users"]
    assert found.counts["requests"] == found.latencies["new"].count == 15
    for store in stores:
        store.close()


def test_the_number_of_routes_in_a_store_is_bounded(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "moves.sqlite3")
    more = RouteEvidence()
    more.counts["requests"] = 1
    bounds = EvidenceOptions(routes=30)
    for number in range(50):
        SharedEvidence(store, "/api", bounds).add(f"GET /{number}", more, str(number))
    found = SharedEvidence(store, "/api").read()
    assert len(found) == 30 + 1
    assert found["others"].counts["requests"] == 20
    store.close()


def test_a_store_that_is_away_says_so() -> None:
    for scheme in ("redis", "postgresql"):
        store = open_store(f"{scheme}://127.0.0.1:{free_port()}/0")
        with pytest.raises(StoreError):
            store.read("state /api")
        store.close()


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        FileStore(tmp_path / "missing" / "moves.sqlite3").read("state /api")


class SmallDisk(FileStore):
    """A file that SQLite itself refuses to make larger."""

    pages = 4

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return connection


def test_a_full_disk_is_an_error_and_what_was_stored_stays(tmp_path: Path) -> None:
    store = SmallDisk(tmp_path / "moves.sqlite3")
    assert store.write("state /api", "small", 0)
    with pytest.raises(StoreError, match="full"):
        store.write("state /api", "x" * 100_000, 1)
    assert store.read("state /api") == (1, "small")
    store.close()


def test_a_change_is_repeated_if_another_thread_has_read_a_newer_state(tmp_path: Path) -> None:
    shared, other = (SharedState(FileStore(tmp_path / "moves.sqlite3"), "/api") for _ in range(2))
    calls = 0

    def change(state: MoveState) -> MoveState:
        nonlocal calls
        calls += 1
        if calls == 1:
            other.change(lambda state: state.with_trip("GET /users", "5 failures in a row"))
            shared.read()  # as the thread that looks at the store each second
        return state.with_rule(Rule(), "Ada")

    state, has_changed = shared.change(change)
    assert (calls, has_changed) == (2, True)
    assert state.trips.keys() == {"GET /users"}
    assert shared.read() == other.read() == state
    shared.store.close()
    other.store.close()


def test_what_was_never_seen_is_not_stored_when_it_is_forgotten(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "moves.sqlite3")
    shared = SharedEvidence(store, "/api")
    assert not shared.reset("GET /nothing")
    assert shared.read() == {}
    shared.add("GET /users", RouteEvidence(), "1")
    assert shared.reset("GET /users")
    store.close()


class Forgetful(FileStore):
    """A store whose answer to a write is lost, although it was done."""

    is_lost = False

    def write(self, name: str, text: str, expected: int) -> bool:
        done = super().write(name, text, expected)
        if self.is_lost:
            raise StoreError("no answer")
        return done


def test_a_write_whose_answer_was_lost_is_not_counted_twice(tmp_path: Path) -> None:
    store = Forgetful(tmp_path / "moves.sqlite3")
    shared = SharedEvidence(store, "/api")
    more = RouteEvidence()
    more.counts["requests"] = 1
    shared.add("GET /users", more, "first")
    store.is_lost = True
    with pytest.raises(StoreError):
        shared.add("GET /users", more, "second")
    store.is_lost = False
    other = SharedEvidence(FileStore(tmp_path / "moves.sqlite3"), "/api")
    other.add("GET /users", more, "of another worker")
    shared.add("GET /users", more, "second")
    assert other.read()["GET /users"].counts["requests"] == 3
    for one in (store, other.store):
        one.close()


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "moves.sqlite3")
    store.write("state /api", "first", 0)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_server_that_has_stopped_is_away(tmp_path: Path) -> None:
    # Not below tmp_path, which the user that runs PostgreSQL cannot read.
    with TemporaryDirectory() as directory:
        database = PostgreSQL(Path(directory))
        with database.serving():
            store = PostgreSQLStore(database.url)
            store.write("state /api", "first", 0)
            process = store._connection.info.backend_pid
            os.kill(process, signal.SIGSTOP)
            try:
                with pytest.raises(StoreError):
                    store.read("state /api")
            finally:
                os.kill(process, signal.SIGCONT)
            assert store.read("state /api") == (1, "first")
            store.close()


def test_workers_know_what_the_others_have_in_their_windows(address: str) -> None:
    stores = [open_store(address) for _ in range(3)]
    first, second, late = (SharedWindows(store, "/api", 60.0) for store in stores)
    late.seconds = 0.0  # all that the others have written is too old
    assert first.exchange({"GET /users": Counter({"new failure": 2})}) == {}
    assert second.exchange({"GET /users": Counter({"new failure": 3})}) == {
        "GET /users": {"new failure": 2}
    }
    assert first.exchange({}) == {"GET /users": {"new failure": 3}}
    assert second.exchange({}) == {}  # the first has nothing any more
    first.exchange({"GET /users": Counter({"new failure": 2})})
    assert late.exchange({}) == {}
    for store in stores:
        store.close()
