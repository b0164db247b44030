"""Trouble with the new application and the store: clients are unharmed, the evidence is right.

The other kinds of trouble have tests where their mechanism has: hanging, crashing and endless
shadows in ``test_shadowing``, leaving clients in ``test_leaving``, killed gateways in
``test_file``, gateways that disagree and a file that is away in ``test_state``, a rare mistake in
``test_evidence``.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2 as httpx
import pytest

from framework_gateway.migrate.bounds import Ready
from framework_gateway.migrate.sharing import SharedEvidence
from framework_gateway.migrate.stores import FileStore
from framework_gateway.migrate.verdicts import report
from tests.databases import PostgreSQL, free_port, redis_server
from tests.migrate.gateways import moved
from tests.migrate.test_stores import SmallDisk
from tests.servers import Server, serve
from tests.wsgi.server import wait_until

OLD = """
from flask import Flask

app = Flask(__name__)


@app.get("/count")
def count():
    return {"count": 0}
"""
FILE = """
[server]
moves_store = "moves.sqlite3"

[[moves]]
prefix = "/api"
old = "old:app"
new = "new:app"
new_options = { process = {} }
ready = { compared = 5 }
limits = { noise = 0.0 }

[[moves.rules]]
stage = "shadow"
"""
NEW = """
import asyncio
import logging
from pathlib import Path

from fastapi import FastAPI

app = FastAPI()
logger = logging.getLogger("flood")
logging.basicConfig(level=logging.INFO)


@app.get("/count")
async def count():
    {code}
"""
ROUTE = "GET /count"
SLOW = 'await asyncio.sleep(0.3)\n    return {"count": 0}'
CHANGING = """file = Path(__file__).with_name("count")
    number = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(number))
    return {"count": number}"""
FLOODING = """for number in range(2000):
        logger.info("line %d of a flood", number)
    return {"count": 0}"""


HANGING = "await asyncio.Event().wait()"


@contextmanager
def serving(directory: Path, code: str) -> Iterator[tuple[str, Server]]:
    """Run a gateway whose new application has a piece of code; yield its origin and its process."""
    (directory / "old.py").write_text(OLD)
    (directory / "new.py").write_text(NEW.replace("{code}", code))
    (directory / "gateway.toml").write_text(FILE)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--port", port)
    with serve(*command, origin=origin, path="/api/count", cwd=directory) as server:
        yield origin, server


def compare(directory: Path, origin: str, number: int = 8) -> dict[str, Any]:
    """Send requests, all of which the old application answers; return the evidence of the route."""
    evidence = SharedEvidence(FileStore(directory / "moves.sqlite3"), "/api")

    def compared() -> int:
        assert httpx.get(f"{origin}/api/count").json() == {"count": 0}
        found = evidence.read().get(ROUTE)
        return 0 if found is None else found.counts["compared"]

    # The process of the new application starts while the old one answers.
    wait_until(lambda: compared() >= number, 60)
    return report(evidence.read()[ROUTE], Ready(compared=5))


def test_a_slow_new_application_is_found_and_nobody_waits_for_it(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as (origin, _):
        found = compare(tmp_path, origin)
    assert found["readiness"] == "not ready"
    assert any(reason.startswith("p95 is ") for reason in found["reasons"])
    assert found["latency"]["new"]["p50"]["value"] > found["latency"]["old"]["p50"]["value"]
    assert found["differing"] == 0


def test_a_new_application_that_changes_data_on_get_is_found(tmp_path: Path) -> None:
    with serving(tmp_path, CHANGING) as (origin, _):
        found = compare(tmp_path, origin)
    assert found["readiness"] == "not ready"
    assert found["differences"][0]["what"].startswith("body /count")
    assert int((tmp_path / "count").read_text()) >= 8  # its own data


def test_a_new_application_that_floods_the_log_harms_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, FLOODING) as (origin, _):
        found = compare(tmp_path, origin)
    assert found["differing"] == 0
    assert found["counts"]["equal"] == found["counts"]["compared"]


@pytest.mark.slow
def test_shadows_that_hang_for_ever_take_constant_memory(tmp_path: Path) -> None:
    url = "/api/count"
    with serving(tmp_path, HANGING) as (origin, server), httpx.Client(base_url=origin) as client:

        def send(number: int) -> int:
            for _ in range(number):
                assert client.get(url).json() == {"count": 0}
            pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")

        before = send(2000)  # the queue and all slots are full
        after = send(4000)
        text = client.get("/metrics").text
    assert after - before < 4 * 1024**2
    assert 'move_shadows_running{move="api"} 8.0' in text
    assert 'move_shadows_waiting{move="api"} 100.0' in text


def test_a_full_disk_costs_evidence_for_a_while_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        "framework_gateway.migrate.starting.open_store", lambda path: SmallDisk(Path(path))
    )
    monkeypatch.setattr(SmallDisk, "pages", 3)
    with moved(tmp_path, {"methods": "reads", "stage": "shadow"}) as api:
        api.new.mode = "wrong"
        # Something else has taken what was left of the disk.
        assert SmallDisk(tmp_path / "moves.sqlite3").write("filler", "x" * 3300, 0)
        with caplog.at_level(logging.ERROR):
            for number in (1, 2):
                assert api.client.get(f"/api/users/{number}").json()["name"] in ("Ada", "Grace")
            wait_until(lambda: api.control.store_fault is not None)
        assert "full" in str(api.control.fault)
        assert api.control.rollout.state.rules["reads *"].stage == "shadow"
        assert caplog.text.count("the last known state of the move goes on") == 1
        # Somebody makes room.
        monkeypatch.setattr(SmallDisk, "pages", 10_000)
        assert api.client.portal is not None
        api.client.portal.call(api.control.shared_state.store.close)
        wait_until(lambda: api.control.store_fault is None)
        api.wait_for("GET /users/{number}", "differing", 2)


SHADOW = {"methods": "reads", "stage": "shadow"}
LIVE = {"methods": "reads", "stage": "live", "percent": 100, "share": 0}


def test_a_database_that_is_away_costs_no_answer_and_no_evidence(tmp_path: Path) -> None:
    # Not below tmp_path, which the user that runs PostgreSQL cannot read.
    with TemporaryDirectory() as directory:
        database = PostgreSQL(Path(directory))
        with (
            database.serving(),
            moved(tmp_path, SHADOW, settings={"moves_store": database.url}) as api,
        ):
            api.client.get("/api/users/1")
            api.wait_for("GET /users/{number}", "compared")
            database.stop()
            for _ in range(5):
                assert api.client.get("/api/users/1").status_code == 200
            wait_until(lambda: api.control.store_fault is not None)
            assert api.control.rollout.state.rules["reads *"].stage == "shadow"
            assert api.client.get("/health/ready").status_code == 200
            database.start()
            wait_until(lambda: api.control.store_fault is None)
            api.wait_for("GET /users/{number}", "compared", 6)
            counts = api.counts("GET /users/{number}")
            assert counts["requests"] == counts["equal"] == counts["old success"] == 6


def test_a_store_that_has_lost_everything_takes_no_route_further(tmp_path: Path) -> None:
    port = free_port()
    settings = {"moves_store": f"redis://127.0.0.1:{port}"}
    with ExitStack() as first:
        first.enter_context(redis_server(port))
        with moved(tmp_path, LIVE, settings=settings) as api:
            api.new.mode = "error"
            for _ in range(5):
                assert api.client.get("/api/users/1").status_code == 200
            wait_until(lambda: not api.control._opened)  # the store knows the breaker
            first.close()
            wait_until(lambda: api.control.store_fault is not None)
            assert api.client.get("/api/users/1").status_code == 200
            with redis_server(port):
                wait_until(lambda: api.control.store_fault is None)
                with moved(tmp_path, LIVE, settings=settings) as other:
                    assert "GET /users/{number}" in other.control.rollout.state.trips
                    other.client.get("/api/users/1")
                    assert not other.new.seen
