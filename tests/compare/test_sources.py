"""``gateway compare`` with requests from files, commands and documents, and its exit status."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from framework_gateway.cli.main import main as gateway
from tests.servers import ROOT, SCRIPTS, running
from tests.wsgi.server import wait_until

APPLICATIONS = "tests.compare.applications"
OLD, NEW, SAME = (
    ("--target", f"{name}={APPLICATIONS}:{attribute}")
    for name, attribute in [("old", "main"), ("new", "changed"), ("new", "main")]
)
TIME = "[27/Nov/2026:10:00:00 +0000]"


@pytest.fixture(autouse=True)
def usual_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide terminal without colours; the command may change the import path."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(ROOT)


def compare(*arguments: object, status: int = 1) -> tuple[str, str]:
    """Run the command in this process; return its output and its errors."""
    done = CliRunner().invoke(gateway, ["compare", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done.stdout, done.stderr


def compare_input(*arguments: object, stdin: str, status: int = 1) -> str:
    """Run the command in a process of its own, with a pipe for its input; return its output."""
    command = [str(SCRIPTS / "gateway"), "compare", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def write_archive(file: Path) -> Path:
    requests = [
        {"method": "GET", "url": "http://shop.example/users"},
        {"method": "POST", "url": "http://shop.example/echo", "postData": {"text": "x"}},
        {"method": "GET", "url": "http://cdn.example/app.js"},
    ]
    file.write_text(json.dumps({"log": {"entries": [{"request": one} for one in requests]}}))
    return file


def test_an_archive_is_sent_without_unsafe_methods(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "browser.har")
    shown, _ = compare("--har", file, *OLD, *NEW)
    assert "1 request to old and new: 0 equal, 1 different, 0 without an answer" in shown
    assert "Left out: 1 unsafe methods; --unsafe sends them" in shown
    assert "Left out: 1 requests to http://cdn.example; --origin selects another origin" in shown
    shown, errors = compare("--har", file, *OLD, *NEW, "--unsafe")
    assert "2 requests to old and new: 1 equal, 1 different" in shown
    assert "this run may create, change and delete data of old, new" in errors
    shown, _ = compare("--har", file, *OLD, *NEW, "--origin", "http://cdn.example")
    assert "GET /app.js" in shown


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "browser.har")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert "1 request to old and new" in compare("--har", file, *OLD, *NEW)[0]
    lines = tmp_path / "requests.jsonl"
    lines.write_bytes(b'\xef\xbb\xbf{"path": "/users"}\n')
    assert "1 request to old and new" in compare("--file", lines, *OLD, *NEW)[0]
    file.write_bytes(b'{"log": "\xff"}')
    _, errors = compare("--har", file, *OLD, *NEW, status=2)
    assert "not an HTTP Archive: it is not in UTF-8" in errors


def test_nothing_compared_is_not_equal(tmp_path: Path) -> None:
    file = tmp_path / "requests.har"
    request = {"method": "POST", "url": "http://shop.example/echo"}
    file.write_text(json.dumps({"log": {"entries": [{"request": request}]}}))
    report = tmp_path / "report.md"
    shown, _ = compare("--har", file, *OLD, *SAME, "--report", report, status=2)
    assert "Left out: 1 unsafe methods; --unsafe sends them" in shown
    assert shown.rstrip().endswith("No request was compared")
    assert "Comparison: not equal" in report.read_text()


def test_an_access_log_is_read_from_standard_input() -> None:
    log = "".join(f'x - - {TIME} "GET /{path} HTTP/1.1" 200 1\n' for path in ("users", "long"))
    shown = compare_input("--access-log", "-", *OLD, *NEW, stdin=log + "no line\n")
    assert "2 requests to old and new: 1 equal, 1 different" in shown
    assert "Left out: 1 lines that are not in the common format" in shown


def test_a_curl_command_is_one_comparison() -> None:
    shown, _ = compare("--curl", "curl http://shop.example/users -H 'X-A: 1'", *OLD, *NEW)
    assert shown.startswith("GET /users: differs")
    both = ("--curl", "curl x/users", "--curl", "curl x/long")
    assert "2 requests to old and new" in compare(*both, *OLD, *NEW)[0]


def test_headers_are_added_to_every_request(tmp_path: Path) -> None:
    (tmp_path / "guarded.py").write_text(GUARDED)
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/a"}\n{"path": "/b", "headers": {"authorization": "other"}}\n')
    targets = ("--target", "old=guarded:old", "--target", "new=guarded:new", "--app-dir", tmp_path)
    key = ("-H", "Authorization: key")
    shown, _ = compare("--file", file, *targets, *key, "--shrink")
    assert "GET /a: status: old 200, new 204" in shown
    assert "2 requests to old and new: 1 equal, 1 different" in shown
    compare("--file", file, *targets, status=0)
    operation = {"responses": {"200": {"description": "OK"}}}
    info = {"title": "Guarded", "version": "1"}
    document = {"openapi": "3.1.0", "info": info, "paths": {"/a": {"get": operation}}}
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    shown, _ = compare("--openapi", tmp_path / "openapi.json", *targets, *key)
    assert "GET /a: status: old 200, new 204" in shown
    _, errors = compare("--openapi", "new", *targets, status=2)
    assert "new answers 401 to GET /openapi.json" in errors


def test_a_report_that_cannot_be_written_is_no_difference(tmp_path: Path) -> None:
    (tmp_path / "r.html").symlink_to("/dev/full")
    files = ("--report", tmp_path / "r.html", "--report", tmp_path / "r.md")
    _, errors = compare("/users", *OLD, *SAME, *files, status=2)
    assert f"{tmp_path / 'r.html'}: No space left on device" in errors
    assert "Comparison: equal" in (tmp_path / "r.md").read_text()


def test_credentials_in_files_of_requests_are_said(tmp_path: Path) -> None:
    words = (*OLD, *NEW, "--curl", "curl x/users", "--curl", "curl x/users")
    files = ("--report", tmp_path / "r.py", "--report", tmp_path / "r.sh")
    _, errors = compare(*words, *files, "-H", "Authorization: Bearer x")
    assert errors.count("it contains credentials") == 1
    assert f"{tmp_path / 'r.py'}; it contains credentials" in errors
    _, errors = compare(*words, *files)
    assert "it contains credentials" not in errors


def test_unsafe_requests_are_generated_and_shrunk(tmp_path: Path) -> None:
    (tmp_path / "creating.py").write_text(CREATING)
    targets = ("--target", "old=creating:old", "--target", "new=creating:new")
    words = (*targets, "--app-dir", tmp_path, "--openapi", "new", "--report", tmp_path / "r.json")
    shown, errors = compare(*words, status=0)
    assert "Left out: 1 unsafe methods; --unsafe sends them" in shown
    assert "may create" not in errors
    compare(*words, "--unsafe", "--max-examples", 20)
    (finding,) = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert finding["what"] == "body /price (type): old number, new string"
    assert json.loads(finding["example"]["request"]["body"]) == {"name": "", "price": 0}


def test_lines_come_from_standard_input() -> None:
    line = '{"path": "/long", "headers": [["X-A", "1"], ["X-A", "2"]]}\n'
    shown = compare_input("--file", "-", *OLD, *SAME, stdin=line * 2000, status=0)
    assert "2000 requests to old and new: 2000 equal" in shown


def test_reports_are_written(tmp_path: Path) -> None:
    endings = ("html", "md", "xml", "json", "jsonl", "py", "sh", "har")
    reports = [word for end in endings for word in ("--report", tmp_path / f"report.{end}")]
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/users"}\n{"path": "/long"}\n')
    _, errors = compare("--file", file, *OLD, *NEW, "--shrink", *reports)
    assert all(f"wrote {tmp_path / 'report'}.{end}" in errors for end in endings)
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["counts"]["differing"] == 1
    assert document["findings"][0]["checked"] == 2
    assert "old=" not in (tmp_path / "report.py").read_text()
    assert f'"new": "{APPLICATIONS}:changed"' in (tmp_path / "report.py").read_text()
    # The written requests can be compared again.
    again, _ = compare("--file", tmp_path / "report.jsonl", *OLD, *NEW)
    assert "1 request to old and new: 0 equal, 1 different" in again


def test_json_of_many_is_one_document(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/users"}\n' * 3)
    shown, _ = compare("--file", file, *OLD, *NEW, "--json")
    document: dict[str, Any] = json.loads(shown)
    assert len(document["comparisons"]) == 3
    assert document["findings"][0]["count"] == 3
    assert document["routes"][0]["latencies"]["new"]["p95"] > 0


GUARDED = """
def answering(status):
    async def app(scope, receive, send):
        allowed = (b"authorization", b"key") in scope["headers"]
        head = {"type": "http.response.start", "status": status if allowed else 401, "headers": []}
        await send(head)
        await send({"type": "http.response.body", "body": b""})

    return app


old, new = answering(200), answering(204)
"""
CREATING = """
from fastapi import FastAPI
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    price: float
    note: str | None = None


def answering(kind):
    app = FastAPI()

    @app.get("/items")
    def list_items() -> list[str]:
        return []

    @app.post("/items")
    def create_item(item: Item) -> dict[str, kind]:
        return {"price": kind(item.price)}

    return app


old, new = answering(float), answering(str)
"""
SILENT = """
async def app(scope, receive, send):
    raise RuntimeError("out of order")
"""


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((*OLD, "--target", "new=silent:app", "/users"), 3, "out of order"),
        ((*OLD, "--target", "new=nowhere:app", "/users"), 3, "The target new could not be loaded"),
        ((*OLD, "--target", "new=http://127.0.0.1:9", "/users"), 3, "ConnectError"),
        ((*OLD, *NEW, "/users"), 1, "GET /users: differs"),
        ((*OLD, *SAME, "/users"), 0, "GET /users: equal"),
        ((*OLD, "--target", "new=http://x/?a=1", "/"), 3, "http://x/?a=1 is not the address of a"),
        ((*OLD, "--target", "new=http://", "/"), 3, "http:// is not the address of a server"),
        ((*OLD, "--target", "new=http://x:99999", "/"), 3, "http://x:99999: Port out of range"),
        ((*OLD, *SAME, "/users", "--timeout", "0"), 2, "'0' is not a number of seconds above 0"),
        ((*OLD, *SAME, "/users", "--max-size", "0"), 2, "'0' is not a whole number from 1"),
        ((*OLD, *SAME, "/users", "--neutral", "nwe=x"), 2, "--neutral: there is no target nwe"),
        ((*OLD, *SAME, "--har", "LICENSE"), 2, "LICENSE: not an HTTP Archive"),
        ((*OLD, *SAME, "--curl", "wget x"), 2, "--curl: a curl command begins with curl"),
        ((*OLD, *SAME, "--openapi", "nowhere"), 2, "nowhere: there is no such file"),
        ((*OLD, *SAME, "--openapi", "old"), 2, "old answers 404 to GET /openapi.json"),
        ((*OLD, "--target", "new=silent:app", "--openapi", "new"), 3, "new does not answer GET"),
        ((*OLD, *SAME, "/users", "--report", "x.pdf"), 2, "'x.pdf' must end with .html"),
        ((*OLD, *SAME, "/users", "--report", "no/x.md"), 2, "there is no directory no"),
        ((*OLD, *SAME, "--har", "LICENSE", "--curl", "curl x"), 2, "or one of --file, --har"),
    ],
)
def test_the_exit_status_tells_results_from_errors(
    arguments: tuple[object, ...], status: int, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "silent.py").write_text(SILENT)
    shown, errors = compare(*arguments, "--app-dir", tmp_path, status=status)
    assert reason in re.sub(r"\s+", " ", shown + errors)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_this_name", "gateway:app could not be imported"),
        (
            "from framework_gateway import Gateway\n"
            "app = Gateway({'/a': 'json:nothing', '/b': 'json:dumps'})",
            "there is no attribute 'nothing' in json",
        ),
    ],
)
def test_a_gateway_that_cannot_be_loaded_is_no_result(
    tmp_path: Path, code: str, reason: str
) -> None:
    (tmp_path / "gateway.py").write_text(code)
    command = [str(SCRIPTS / "gateway"), "compare", "/users"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stdout + done.stderr
    assert reason in done.stderr


WAITING = """
import asyncio


async def app(scope, receive, send):
    if scope["path"] == "/wait":
        print("waiting", flush=True)
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_run_shows_what_there_is(tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    (tmp_path / "requests.jsonl").write_text('{"path": "/a"}\n{"path": "/wait"}\n')
    targets = ("--target", "old=waiting:app", "--target", "new=waiting:app")
    words = ("gateway", "compare", "--file", "requests.jsonl", *targets, "--report", "report.json")
    with running(*words, *(["--json"] if as_json else []), cwd=tmp_path) as process:
        wait_until(lambda: "waiting" in process.output)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        shown = process.output
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["interrupted"] is True
    assert document["identical"] is False
    assert document["counts"]["total"] == 1
    if not as_json:
        assert "1 equal, 0 different, 0 without an answer (interrupted)" in shown
    assert "Traceback" not in shown


MEASURE = """
import resource, sys
from framework_gateway.cli.main import main

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

try:
    main(sys.argv[1:], standalone_mode=True)
finally:
    print(f"peak {peak():.1f} MiB", file=sys.stderr)
"""
LISTING = """
import json

BODY = json.dumps([{"id": n, "name": "x" * 20} for n in range(22)]).encode()


def answering(body):
    async def app(scope, receive, send):
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


old, new = answering(BODY), answering(BODY.replace(b'"id": 7', b'"id": 70'))
"""


@pytest.mark.slow
def test_a_long_replay_needs_no_more_memory(tmp_path: Path) -> None:
    (tmp_path / "listing.py").write_text(LISTING)
    (tmp_path / "measure.py").write_text(MEASURE)
    peaks = []
    for count in (1_000, 30_000):
        file = tmp_path / f"{count}.jsonl"
        lines = (f'{{"path": "/pages/page-{n}?q={n}"}}\n' for n in range(count))
        file.write_text("".join(lines))
        done = subprocess.run(
            [
                *(sys.executable, "measure.py", "compare", "--file", file),
                *("--target", "old=listing:old", "--target", "new=listing:new"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert f"{count} requests to old and new" in done.stdout, done.stderr
        (peak,) = re.findall("peak ([0-9.]+) MiB", done.stderr)
        peaks.append(float(peak))
    assert peaks[1] - peaks[0] < 15
