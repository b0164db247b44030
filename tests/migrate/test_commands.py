"""``gateway move``, run as a program next to a gateway on a real socket."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.dom.minidom import parseString

import httpx2 as httpx
import pytest

from framework_gateway.cli.moving import who
from framework_gateway.migrate.evidence import RouteEvidence
from framework_gateway.migrate.sharing import SharedEvidence
from framework_gateway.migrate.stores import FileStore
from tests.databases import free_port
from tests.documents import commands
from tests.migrate.test_file import NEW, OLD, ROUTE
from tests.sampling import every
from tests.servers import serve
from tests.wsgi.server import wait_until

FILE = """
[server]
moves_store = "moves.sqlite3"
move_secret = "a secret for testers"

[[moves]]
prefix = "/api"
old = "old:app"
new = "new:app"
sticky = ["header:X-Client"]
ready = { compared = 5 }
limits = { noise = 0.0 }

[[moves.rules]]
route = "/items/{number}"
methods = "reads"
stage = "shadow"
"""
WRONG = NEW.replace('return {"number": number, "side": "same"}', 'return {"number": -number}')


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a file and two applications; the new one answers wrongly."""
    (tmp_path / "old.py").write_text(OLD)
    (tmp_path / "new.py").write_text(WRONG)
    (tmp_path / "gateway.toml").write_text(FILE)
    return tmp_path


@pytest.fixture
def origin(directory: Path) -> Iterator[str]:
    """A gateway that serves the move."""
    origin = f"http://127.0.0.1:{(port := free_port())}"
    path = "/api/items/1"
    with serve("gateway", "serve", "--port", port, origin=origin, path=path, cwd=directory):
        yield origin


def move(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    command = [sys.executable, "-m", "framework_gateway", "move", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)


def status(directory: Path) -> dict[str, Any]:
    """Return what the command says in JSON."""
    run = move(directory, "status", "--json")
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def ask(origin: str, times: int) -> None:
    """Send requests whose answers differ."""
    for number in range(1, times + 1):
        assert httpx.get(f"{origin}/api/items/{number}").json()["number"] == number


def wait_for_compared(directory: Path, number: int) -> None:
    """Wait until the evidence of so many comparisons is stored."""
    wait_until(
        lambda: (
            status(directory)["routes"].get(ROUTE, {}).get("counts", {}).get("compared", 0)
            >= number
        ),
        60,
    )


def test_a_move_without_requests_says_so(directory: Path) -> None:
    run = move(directory, "status")
    assert run.returncode == 0, run.stderr
    assert "No request has been seen yet." in run.stdout
    run = move(directory, "report", "--require-ready")
    assert run.returncode == 1
    assert "No request has been seen yet." in run.stdout


def test_rules_are_set_held_and_released_with_their_author(directory: Path) -> None:
    change = ["--route", "/items/{number}", "--methods", "reads"]
    assert move(directory, "set", "/api", *change, "--stage", "live").stdout == "Set.\n"
    steps = ["--percent", "10", "--steps", "10, 50,100"]
    assert move(directory, "set", *change, *steps).returncode == 0
    document = status(directory)
    (rule,) = document["rules"]
    assert rule["stage"] == "live"
    assert (rule["percent"], rule["steps"]) == (10, [10, 50, 100])
    assert move(directory, "hold", "/api", "reads /items/{number}").stdout == "Done.\n"
    assert status(directory)["held"] == ["reads /items/{number}"]
    assert move(directory, "release", "/api", "reads /items/{number}").stdout == "Released.\n"
    history = status(directory)["history"]
    assert [one["what"] for one in history][-1] == "reads /items/{number}: released"
    assert "@" in history[-1]["who"]
    run = move(directory, "set", *change, "--remove")
    assert run.returncode == 0
    assert status(directory)["rules"] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["status", "/other"], "Which move? There is /api."),
        (["hold", "/api", "GET /x"], 'There is no rule "GET /x"'),
        (["release", "/api", "GET /x"], "GET /x is not held; nothing is held"),
        (["forget", "/api", "GET /x"], "Nothing has been seen of GET /x"),
        (["set", "--route", "x", "--stage", "off"], "--route: "),
        (["set", "--steps", "10,x"], "--steps: "),
        (["report", "--report", "x.pdf"], "must end with .md, "),
        (["status", "--config", "missing.toml"], "missing.toml"),
    ],
)
def test_wrong_words_are_one_line(directory: Path, arguments: list[str], text: str) -> None:
    run = move(directory, *arguments)
    assert run.returncode == 2
    assert text in run.stderr
    assert "Traceback" not in run.stderr


def test_two_moves_need_a_prefix_also_if_one_is_at_the_root(directory: Path) -> None:
    other = FILE[FILE.index("[[moves]]") : FILE.index("[[moves.rules]]")]
    (directory / "gateway.toml").write_text(FILE + other.replace('"/api"', '"/"'))
    run = move(directory, "status")
    assert run.returncode == 2
    assert "Which move? There is /api, /." in run.stderr
    assert move(directory, "status", "/").returncode == 0


@pytest.mark.parametrize("command", every(3, commands("gateway move ")))
def test_the_commands_of_the_docs_are_understood(directory: Path, command: list[str]) -> None:
    (directory / "gateway.toml").write_text(FILE.replace("/items/{number}", "/products/{id}"))
    run = move(directory, *command[2:])
    # Nothing has been seen, and nothing is held.
    known = ("Nothing has been seen of", "is not held")
    assert run.returncode == 0 or any(text in run.stderr for text in known), run.stderr


def test_a_store_that_cannot_be_used_is_one_line(directory: Path) -> None:
    (directory / "gateway.toml").write_text(FILE.replace("moves.sqlite3", "missing/moves.sqlite3"))
    run = move(directory, "status")
    assert run.returncode == 1
    assert "The state of the move cannot be used: " in run.stderr
    assert "Traceback" not in run.stderr


def test_the_evidence_is_shown_and_reported(origin: str, directory: Path) -> None:
    ask(origin, 8)
    wait_for_compared(directory, 8)
    run = move(directory, "status")
    assert ROUTE in run.stdout
    assert "not ready" in run.stdout
    report = move(directory, "report").stdout
    assert "### Move of ` /api `: 0 of 1 routes ready" in report
    assert "compared differ" in report
    files = ["report.xml", "report.json", "kept.jsonl", "test_kept.py"]
    outputs = [word for name in files for word in ("--report", name)]
    run = move(directory, "report", "/api", *outputs, "--require-ready")
    assert run.returncode == 1
    suite = parseString((directory / "report.xml").read_text()).getElementsByTagName("testsuite")[0]
    assert (suite.getAttribute("tests"), suite.getAttribute("failures")) == ("1", "1")
    assert json.loads((directory / "report.json").read_text())["move"] == "/api"
    lines = (directory / "kept.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["path"].startswith("/items/")
    # The kept requests show the mistake again, to the other tools.
    compare = [sys.executable, "-m", "framework_gateway", "compare", "--file", "kept.jsonl"]
    targets = ["--target", "old=old:app", "--target", "new=new:app"]
    run = subprocess.run(
        [*compare, *targets], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1, run.stderr
    test = (directory / "test_kept.py").read_text()
    compile(test, "test_kept.py", "exec")
    assert "compare.assert_equal(" in test
    assert move(directory, "forget", "/api", ROUTE).stdout == "Forgotten.\n"
    assert status(directory)["routes"][ROUTE]["counts"] == {}


def test_a_change_reaches_the_running_gateway(origin: str, directory: Path) -> None:
    ask(origin, 1)
    change = ["--route", "/items/{number}", "--methods", "reads", "--stage", "complete"]
    assert move(directory, "set", *change).returncode == 0
    wait_until(lambda: httpx.get(f"{origin}/api/items/1").json() == {"number": -1}, 30)


def test_a_tester_chooses_the_side_by_a_mark(origin: str, directory: Path) -> None:
    mark = move(directory, "sign", "/api", "new").stdout.strip()
    answer = httpx.get(f"{origin}/api/items/1", headers={"Gateway-Move": mark})
    assert answer.json() == {"number": -1}
    forged = mark[:-1] + ("0" if mark[-1] != "0" else "1")
    answer = httpx.get(f"{origin}/api/items/1", headers={"Gateway-Move": forged})
    assert answer.json()["number"] == 1


def test_a_route_may_have_any_characters(directory: Path) -> None:
    shared = SharedEvidence(FileStore(directory / "moves.sqlite3"), "/api")
    shared.add("GET /[/bold]", RouteEvidence(), "1")
    shared.store.close()
    run = move(directory, "status")
    assert run.returncode == 0, run.stderr
    assert "GET /[/bold]" in run.stdout


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert who().startswith(f"uid {os.getuid()}@")
