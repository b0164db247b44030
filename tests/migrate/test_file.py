"""Moves in ``gateway.toml``, served by real processes on real sockets."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from framework_gateway.cli.file.reading import parse_file
from framework_gateway.migrate.options import Rule, Stage
from framework_gateway.migrate.sharing import SharedEvidence, SharedState
from framework_gateway.migrate.stores import FileStore
from tests.databases import free_port
from tests.servers import Server, run, serve
from tests.wsgi.server import wait_until

OLD = """
from flask import Flask

app = Flask(__name__)


@app.get("/items/<int:number>")
def item(number):
    return {"number": number, "side": "same"}
"""
NEW = """
from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/items/{number}")
def item(number: int, response: Response):
    response.headers["X-Runtime"] = "new"
    return {"number": number, "side": "same"}
"""
FILE = """
[server]
workers = 2
moves_store = "moves.sqlite3"

[[moves]]
prefix = "/api"
old = "old:app"
new = "new:app"
sticky = ["header:X-Client"]

[[moves.rules]]
route = "/items/{number}"
methods = "reads"
stage = "shadow"
"""
ISOLATED = "\n[moves.new_options]\nprocess = {}\n"
ROUTE = "GET /items/{number}"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with both applications and a file."""
    (tmp_path / "old.py").write_text(OLD)
    (tmp_path / "new.py").write_text(NEW)
    (tmp_path / "gateway.toml").write_text(FILE)
    return tmp_path


@contextmanager
def serving(directory: Path) -> Iterator[tuple[str, Server]]:
    """Run the gateway of a directory; yield its origin and its process."""
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--port", port)
    path = "/api/items/1"
    with serve(*command, origin=origin, path=path, cwd=directory) as process:
        wait_until(lambda: httpx.get(origin + path).status_code == 200)
        yield origin, process


def side_of(origin: str, client: str = "1") -> str:
    """Return which application has answered; the client is unharmed."""
    response = httpx.get(f"{origin}/api/items/1", headers={"X-Client": client})
    assert response.status_code == 200
    assert response.json() == {"number": 1, "side": "same"}
    return response.headers.get("X-Runtime", "old")


@pytest.mark.parametrize("text", [FILE, FILE + ISOLATED], ids=["in process", "isolated"])
def test_workers_share_evidence_and_changes(directory: Path, text: str) -> None:
    (directory / "gateway.toml").write_text(text)
    store = FileStore(directory / "moves.sqlite3")
    with serving(directory) as (origin, _):
        for number in range(30):
            assert side_of(origin, str(number)) == "old"
        evidence = SharedEvidence(store, "/api")
        wait_until(lambda: evidence.read()[ROUTE].counts["compared"] >= 30)
        assert evidence.read()[ROUTE].counts["differing"] == 0
        rule = Rule(route="/items/{number}", methods="reads", stage=Stage.LIVE, percent=100)
        SharedState(store, "/api").change(lambda state: state.with_rule(rule, "Ada"))
        wait_until(lambda: all(side_of(origin, str(n)) == "new" for n in range(10)))
    store.close()


def test_a_killed_gateway_goes_on_where_it_was(directory: Path) -> None:
    store = FileStore(directory / "moves.sqlite3")
    shared = SharedState(store, "/api")
    rule = Rule(route="/items/{number}", methods="reads", stage=Stage.LIVE, percent=50)
    with serving(directory) as (origin, process):
        shared.change(lambda state: state.with_rule(rule, "Ada"))
        wait_until(lambda: {side_of(origin, str(n)) for n in range(20)} == {"old", "new"})
        before = [side_of(origin, str(number)) for number in range(20)]
        for worker in process.children:
            os.kill(worker, signal.SIGKILL)
        process.kill()
        process.wait()
    assert shared.read().rules[rule.key].percent == 50
    with serving(directory) as (origin, _):
        assert [side_of(origin, str(number)) for number in range(20)] == before
    store.close()


def test_an_edited_file_is_used_on_sighup(directory: Path) -> None:
    with serving(directory) as (origin, process):
        assert side_of(origin) == "old"
        file = directory / "gateway.toml"
        file.write_text(file.read_text().replace('"shadow"', '"complete"'))
        os.kill(process.pid, signal.SIGHUP)
        wait_until(lambda: side_of(origin) == "new", 60)
        history = SharedState(FileStore(directory / "moves.sqlite3"), "/api").read().history
        assert [entry.who for entry in history] == ["gateway.toml", "gateway.toml"]
        assert history[-1].what == "reads /items/{number}: complete"


def test_check_knows_the_applications_of_a_move(directory: Path) -> None:
    assert run("gateway", "check", cwd=directory).returncode == 0
    (directory / "new.py").write_text("import nowhere")
    result = run("gateway", "check", cwd=directory)
    assert result.returncode == 1
    assert "gateway.toml:9: error: moves[0].new: " in result.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("\n[[mounts]]\nprefix = '/api'\napplication = 'a'", "is already on line"),
        ("\n[[moves.rules]]\nstage = 'half'", "moves[0].rules[1].stage: "),
        ("\n[[moves.rules]]\npercent = 101", "moves[0].rules[1].percent: "),
        ("\n[[moves.rules]]\nstge = 'live'", "moves[0].rules[1].stge: unknown; did you mean stage"),
        (
            "\n[[moves.rules]]\nroute = '/items/{number}'\nmethods = 'reads'",
            "there are two rules for reads /items/{number}",
        ),
    ],
)
def test_a_wrong_file_is_refused(directory: Path, more: str, message: str) -> None:
    file = directory / "gateway.toml"
    file.write_text(FILE + more)
    assert any(message in str(finding) for finding in parse_file(file).findings)
