"""Findings as JSON lines, curl commands, HAR and a pytest module."""

import io
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from framework_gateway.compare.exports import (
    as_archive,
    as_commands,
    as_line,
    as_lines,
    as_pytest,
    origin_of,
)
from framework_gateway.compare.inputs.har import read_archive
from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import read_requests
from framework_gateway.compare.summary import Finding
from tests.compare.findings import ASK, summarise
from tests.compare.pairs import JSON, answers
from tests.servers import ROOT, run

OLD = answers('{"price":1.0,"password":"hunter2"}', JSON, ("Set-Cookie", "sid=secret; Path=/"))
NEW = answers('{"price":"1.0","password":"hunter2"}', JSON, ("Location", "/?token=abc"))


def findings(*requests: Request) -> list[Finding]:
    return [*summarise(OLD, NEW, *requests).findings.values()]


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a?b=é"),
        Request("POST", "/", (JSON,), '{"é": 1.0}'.encode()),
        Request("PUT", "/", (("X", "1"), ("X", "2")), b"\x00\xff"),
        Request("PATCH", "/", (), b'"text"'),
    ],
)
def test_a_line_is_read_as_the_same_request(request_: Request) -> None:
    (read,) = read_requests([as_line(request_)])
    assert (read.method, read.path, read.body) == (request_.method, request_.path, request_.body)
    assert tuple(read.headers) == tuple(request_.headers)


def test_each_request_is_one_line() -> None:
    small = Request("GET", "/items/8?a=1")
    found = findings(ASK, small)
    assert len(found) > 1
    assert read_requests(as_lines(found).splitlines()) == [small]


LISTED = Request("GET", "/items", save={"item": "/id"})
CREATED = Request("POST", "/orders/{item}", (JSON,), b"{}", {"order": "/id"})
NEEDING = Request("GET", "/\N{GRINNING FACE}/{order}", (("X", "1"), ("X", "2")))


def chain() -> list[Finding]:
    """Return a finding whose request needs values of two others."""
    same = answers('{"id":7}', JSON)

    async def other(scope: dict[str, str], receive: object, send: object) -> None:
        is_last = scope["method"] == "GET" and scope["path"] != "/items"
        await (answers('{"id":8}', JSON) if is_last else same)(scope, receive, send)

    return [*summarise(same, other, LISTED, CREATED, NEEDING).findings.values()]


def test_requests_that_save_what_is_needed_come_first() -> None:
    lines = as_lines(chain())
    read = read_requests(lines.splitlines())
    assert [one.path for one in read] == ["/items", "/orders/{item}", NEEDING.path]
    assert [one.save for one in read] == [LISTED.save, CREATED.save, {}]
    entries = json.loads(as_archive(chain()))["log"]["entries"]
    assert {one["request"]["url"] for one in entries} == {"http://localhost/%F0%9F%98%80/7"}


def test_a_pytest_module_sends_the_same_requests() -> None:
    asked: list[Request] = []

    class Asking:
        def __call__(self, method: str, path: str, **fields: Any) -> None:
            asked.append(Request.build(method, path, **fields))

        assert_equal = __call__

    namespace: dict[str, Any] = {}
    exec(as_pytest(chain(), TARGETS, {}), namespace)
    (test,) = (value for name, value in namespace.items() if name.startswith("test_"))
    test(Asking())
    assert asked == [LISTED, CREATED, NEEDING]


def test_commands_name_their_targets() -> None:
    found = findings()
    script = as_commands(found)
    assert script.count("# old\ncurl --include") == script.count("# new\ncurl --include")
    assert f"# {found[0].group}" in script
    assert "sid=secret" not in script
    assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0


def test_an_archive_has_both_sides_without_secrets() -> None:
    text = as_archive(findings())
    entries = json.loads(text)["log"]["entries"]
    comments = {entry["comment"].partition(":")[0] for entry in entries}
    assert comments == {"old", "new"}
    assert entries[0]["request"]["url"] == "http://localhost/items/7?token=***"
    assert {entry["response"]["status"] for entry in entries} == {200}
    assert "hunter2" not in text
    assert "sid=secret" not in text
    assert "token=abc" not in text
    skipped: Counter[str] = Counter()
    read = [*read_archive(io.StringIO(text), skipped)]
    assert {(request.method, request.path) for request in read} == {("GET", "/items/7?token=***")}
    assert skipped == {}


def test_an_archive_can_keep_secrets() -> None:
    text = as_archive(findings(), secrets=True)
    assert "hunter2" in text
    assert "sid=secret" in text


async def broken(scope: object, receive: object, send: object) -> None:
    raise RuntimeError("no answer from me")


def test_an_archive_says_who_did_not_answer() -> None:
    found = [*summarise(broken, NEW).findings.values()]
    old, new = json.loads(as_archive(found))["log"]["entries"]
    assert old["response"]["status"] == 0
    assert "no answer from me" in old["response"]["comment"]
    assert new["response"]["status"] == 200
    assert origin_of(found[0].example.answers[0]) == "http://localhost"


TARGETS = {
    "old": "tests.compare.applications:legacy",
    "new": "tests.compare.applications:changed",
}


def test_a_pytest_module_fails_until_the_targets_agree(tmp_path: Path) -> None:
    from tests.compare import applications

    found = summarise(applications.main, applications.changed, Request("GET", "/users"))
    module = as_pytest([*found.findings.values()], TARGETS, {"ignore": ["/*/x"]})
    assert "ignore=['/*/x']" in module
    file = tmp_path / "test_differences.py"
    file.write_text(module)
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "framework_gateway", file)
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)}
    done = run(*command, env=env)
    assert done.returncode == 1, done.stdout
    assert "GET /users: body /*/name" in done.stdout
    assert '"Rob"' in done.stdout
    agreeing = [f"--compare-target={name}={TARGETS['old']}" for name in ("old", "new")]
    done = run(*command, *agreeing, env=env)
    assert done.returncode == 0, done.stdout
