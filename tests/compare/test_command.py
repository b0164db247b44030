"""``gateway compare`` on the command line and for programs."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import ROOT, SCRIPTS, serve

OWN = [
    *("--target", "old=tests.compare.applications:legacy"),
    *("--target", "new=tests.compare.applications:main"),
]
CHANGED = [*OWN[:2], "--target", "new=tests.compare.applications:changed"]


def run(*arguments: object, status: int = 0) -> str:
    """Run the command; return its output."""
    command = [str(SCRIPTS / "gateway"), "compare", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout or done.stderr


def run_json(*arguments: object, status: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json", status=status))
    return document


@pytest.mark.usefixtures("database")
def test_the_default_targets_are_the_three_frameworks() -> None:
    shown = run("GET", "/api/users/1")
    assert "GET /api/users/1: equal" in shown
    header = next(line for line in shown.splitlines() if "── flask" in line)
    assert header.replace("──", " ").split() == ["flask", "fastapi", "django"]
    assert shown.count('"name": "Alice"') == 3
    assert shown.count("running") == 2
    assert "Identical: status; Content-Type, Content-Length; every byte of the body." in shown


@pytest.mark.usefixtures("database")
def test_json_output_is_one_document() -> None:
    document = run_json("/api/users/1")
    assert document["identical"] is True
    assert [answer["target"] for answer in document["answers"]] == ["flask", "fastapi", "django"]


@pytest.mark.usefixtures("database")
def test_writing_creates_one_user_in_each(tmp_path: Path) -> None:
    user = '{"name": "Eve", "email": "eve@{framework}.example"}'
    file = tmp_path / "body.json"
    file.write_text(user)
    ignore = ("--ignore", "/id", "--ignore", "location")
    document = run_json("POST", "/api/users", "-d", f"@{file}", *ignore)
    assert [answer["status"] for answer in document["answers"]] == [201, 201, 201]
    document = run_json("POST", "/api/users", "-d", user, "-H", "Content-Type: text/plain")
    assert [answer["status"] for answer in document["answers"]] == [415, 415, 415]


def test_a_difference_is_printed_and_sets_the_exit_status() -> None:
    shown = run("GET", "/users", *CHANGED, status=1)
    assert "GET /users: differs" in shown
    assert "body /1/name" in shown
    assert '"Bob"' in shown
    assert '"Rob"' in shown
    assert run_json("GET", "/users", *CHANGED, "--ignore", "/*/name")["identical"] is True


def test_the_headers_that_count_can_be_chosen() -> None:
    one = ("--target", "old=tests.compare.applications:main")
    other = ("--target", "new=tests.compare.applications:changed")
    for headers, status in (("all", 1), ("contract", 1), ("-Location", 0), ("Date, ETag", 0)):
        options = ("--ignore", "/name", "--headers", headers)
        document = run_json("/markup", *one, *other, *options, status=status)
        found = {each["name"]: each["counts"] for each in document["differences"]}
        assert found["Location"] == bool(status)


def test_replaying_a_file_prints_a_summary_of_each_route(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/users"}\n{"path": "/users/1"}\n{"path": "/users/2"}\n')
    shown = run("--file", file, *OWN)
    rows = [line.split()[:5] for line in shown.splitlines() if line.startswith("GET")]
    assert rows == [["GET", "/users", "1", "0", "0"], ["GET", "/users/{id}", "2", "0", "0"]]
    document = run_json("--file", file, *CHANGED, status=1)
    names = ("route", "matched", "differing", "failed")
    assert [[route[name] for name in names] for route in document["routes"]] == [
        ["GET /users", 0, 1, 0],
        ["GET /users/{id}", 0, 2, 0],
    ]
    assert len(document["comparisons"]) == 3


def test_running_servers_can_be_compared() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    application = "tests.compare.applications:main"
    with serve("uvicorn", "--port", port, application, origin=url, path="/users"):
        targets = ("--target", f"old={url}", "--target", f"new={application}")
        assert run_json("GET", "/users", *targets)["identical"] is True
    shown = run("GET", "/users", *targets, status=3)
    assert "ConnectError" in shown


def test_control_characters_of_a_response_are_escaped() -> None:
    escape = "\x1b[2J"
    shown = run("POST", "/echo", "-d", escape, *OWN[2:], *CHANGED[2:3], OWN[3].replace("new", "b"))
    assert escape not in shown
    assert "\N{REPLACEMENT CHARACTER}[2J" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ([], 2, "give a path that begins with /, or one of --file, --har"),
        (["GET", "users"], 2, "give a path that begins with /, or --file"),
        (["/", *OWN[:2]], 2, "give at least two --target options with different names"),
        (["/", *OWN[:2], *OWN[:2]], 2, "give at least two --target options with different names"),
        (["/", "--target", "old"], 2, "'old' is not of the form NAME="),
        (["/", "-H", "nothing"], 2, "'nothing' is not of the form 'Name: value'"),
        (["/", "-d", "@/nowhere"], 2, "/nowhere: No such file or directory"),
        (["/", *OWN[:2], "--target", "new=nowhere:app"], 3, "The target new could not be loaded"),
        (["/", "--file", "LICENSE"], 2, "give a path that begins with /, or one of --file, --har"),
        (["--file", "tests/compare/__init__.py"], 2, "contains no requests"),
        (["--file", "LICENSE", *OWN], 2, "LICENSE: line 1: Invalid JSON"),
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], status: int, line: str) -> None:
    shown = run(*arguments, status=status)
    assert line in shown.splitlines()[-1].removeprefix("Error: ")
    assert "Traceback" not in shown.splitlines()[-1]


def test_the_tests_use_their_own_database(database: SQLite | PostgreSQL) -> None:
    assert os.environ["GATEWAY_DATABASE_URL"] == database.url
