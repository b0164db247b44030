"""A claim of your own: the example of the guide, a server at a URL, and what a file gets wrong."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from showdown.__main__ import main
from showdown.bench.report import show_progress
from showdown.bench.samples import Sample
from showdown.bench.servers import run
from showdown.bench.targets import Server
from showdown.claims import results
from showdown.claims.model import Claim, Outcome
from showdown.claims.own import read_own
from showdown.claims.own_run import judge, quote
from showdown.claims.report import print_verdicts
from tests.documents import DOCS, blocks

SAMPLE = Sample(1000.0, 100.0, 1.0, 2.0, 3.0, 2**20, 1000)
PAGE = DOCS / "measuring.md"
(EXAMPLE,) = blocks(PAGE, "toml")
(APPLICATION,) = blocks(PAGE, "python")
# Answers only the request of the example, so a request that was sent differently fails.
STRICT = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = (await receive())["body"]
    right = (
        scope["method"] == "POST"
        and scope["path"] == "/inner/orders"
        and dict(scope["headers"])[b"content-type"] == b"application/json"
        and body == b'{"item": 1}'
    )
    status = 200 if right else 404
    head = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the guide; only its directory has the application."""
    monkeypatch.setattr(results, "LAST", tmp_path / "last.json")
    (tmp_path / "app.py").write_text(APPLICATION)
    file = tmp_path / "parsers.toml"
    file.write_text(EXAMPLE)
    return file


def claims(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["claims", *map(str, arguments)])


@pytest.mark.usefixtures("wrk")
def test_the_example_of_the_guide_runs_as_written(file: Path) -> None:
    document_file = file.with_name("result.json")
    result = claims("--own", file, "--quick", "--report", document_file)
    assert result.exit_code == 0, result.output
    document = json.loads(document_file.read_text())
    assert document["format"] == results.FORMAT
    assert document["manifest"]["servers"]["one"]["command"].startswith("uvicorn --http httptools")
    (claim,) = document["claims"]
    assert claim["name"] == "parsers"
    assert claim["command"] == f"python -m showdown claims --own {file}"
    assert [condition["name"] for condition in claim["conditions"]] == [
        "POST /orders, 8 connections: httptools to h11",
        "POST /orders, 64 connections: httptools to h11",
    ]
    # One round decides nothing.
    assert {condition["state"] for condition in claim["conditions"]} == {"undecided"}
    assert all(row["requests/s"] > 0 for row in claim["figures"])
    assert "With httptools, uvicorn answers" in result.output
    assert not results.LAST.exists()


@pytest.mark.usefixtures("wrk")
def test_a_server_at_a_url_gets_the_same_requests(file: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(STRICT)
    command = "uvicorn --log-level warning --port {port} app:app"
    server = Server(command, cwd=tmp_path)
    with run(server, "sqlite:///unused", tmp_path) as running:
        url = f"http://127.0.0.1:{running.port}/inner"
        text = EXAMPLE
        for line in EXAMPLE.splitlines():
            if line.startswith("command"):
                text = text.replace(line, f'url = "{url}"')
        file.write_text(text.replace("[8, 64]", "[2]"))
        result = claims("--own", file, "--quick")
        assert result.exit_code == 0, result.output
        file.write_text(file.read_text().replace('{"item": 1}', '{"item": 2}'))
        result = claims("--own", file, "--quick")
    assert result.exit_code == 1
    assert "the status is 404" in result.output


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program {port}", "No such file or directory: 'no-such-program'"),
        ("python -c 'print({port})'", "python did not start"),
    ],
)
def test_a_target_that_does_not_start_is_reported(file: Path, command: str, message: str) -> None:
    one = 'command = "uvicorn --http httptools --no-access-log --port {port} app:app"'
    file.write_text(EXAMPLE.replace(one, f'command = "{command}"'))
    result = claims("--own", file, "--quick")
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def replaced(old: str, new: str) -> Callable[[], str]:
    assert old in EXAMPLE
    return lambda: EXAMPLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (replaced("ratio = 1.5", "ratio = "), ":4: error: "),
        (replaced("ratio = 1.5", "ratio = 0"), ":4: error: ratio: Input should be greater than 0"),
        (replaced("ratio = 1.5", "ratio = inf"), ":4: error: ratio: Input should be a finite"),
        (replaced("ratio = 1.5", "ratio = true"), ":4: error: ratio: Input should be a valid"),
        (replaced("ratio = 1.5", "quota = 1.5"), "error: ratio: missing"),
        (replaced("ratio = 1.5", "ratio = 1.5\nquota = 1"), ":5: error: quota: unknown"),
        (replaced('"rate"', '"speed"'), ":3: error: figure: Input should be 'rate', 'cpu'"),
        (replaced("{port}", "8000"), "error: one.command: must contain {port}"),
        (replaced("{port}", "{{port}}"), "error: one.command: must contain {port}"),
        (replaced("{port}", "{port} {x}"), "error: one.command: write {{ and }} for braces"),
        (replaced("{port}", "{port} {port.x}"), "error: one.command: write {{ and }} for braces"),
        (replaced("{port}", "{port} 'x"), "error: one.command: No closing quotation"),
        (replaced("{port}", "{port} \\u0000"), "error: one.command: must not contain NUL"),
        (replaced('"POST"', '"HEAD"'), "error: workload.method: wrk cannot measure HEAD"),
        (replaced("Content-Type", "Content-Length"), "workload.headers: leave out Content-Length"),
        (replaced("application/json", "a\\nb: c"), "workload.headers.Content-Type: String should"),
        (replaced('"/orders"', '"/orders#1"'), "workload.path: String should match pattern"),
        (replaced("[8, 64]", "[true]"), "workload.connections[0]: Input should be a valid int"),
        (replaced("[8, 64]", "[8, 1001]"), "workload.connections[1]: Input should be less than"),
        (replaced("[8, 64]", "[]"), "workload.connections: List should have at least 1 item"),
        (replaced('"/orders"', '"orders"'), "workload.path: String should match pattern"),
        (replaced('title = "h11"', 'title = "httptools"'), "the targets need different titles"),
        (replaced('title = "h11"', 'title = "h11"\nurl = "http://127.0.0.1:1"'), "either command"),
    ],
)
def test_each_problem_has_one_line(file: Path, text: Callable[[], str], problem: str) -> None:
    file.write_text(text())
    with pytest.raises(click.ClickException) as caught:
        read_own(file)
    lines = caught.value.message.splitlines()
    assert any(problem in line for line in lines), lines
    assert all(line.startswith(str(file)) for line in lines)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:1/",
        "http://127.0.0.1/",
        "http://example.com:80/",
        "http://127.0.0.1:1/?a=b",
        "http://127.0.0.1.example.com:80/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://somebody@127.0.0.1:80/",
        "http://127.0.0.1:80/{x}",
        "http://127.0.0.1:80/a b",
        "127.0.0.1:80",
    ],
)
def test_only_servers_on_this_machine_are_measured(file: Path, url: str) -> None:
    line = next(line for line in EXAMPLE.splitlines() if line.startswith("command"))
    file.write_text(EXAMPLE.replace(line, f'url = "{url}"'))
    with pytest.raises(click.ClickException, match=r"one\.url: (must be http|Port out of range)"):
        read_own(file)


def test_cpu_time_needs_a_command(file: Path) -> None:
    line = next(line for line in EXAMPLE.splitlines() if line.startswith("command"))
    text = EXAMPLE.replace(line, 'url = "http://127.0.0.1:9"').replace('"rate"', '"cpu"')
    file.write_text(text)
    with pytest.raises(click.ClickException, match="cpu needs targets with a command"):
        read_own(file)


@pytest.mark.parametrize("options", [("--only", "quart"), ("--database", "sqlite")])
def test_own_claims_have_no_options_of_the_article(file: Path, options: tuple[Any, ...]) -> None:
    result = claims("--own", file, *options)
    assert result.exit_code == 2
    assert "--own FILE goes with" in result.output


def test_every_byte_of_a_body_reaches_lua() -> None:
    assert quote('a"\\\n') == '"\\097\\034\\092\\010"'
    assert quote("é") == '"\\195\\169"'


@pytest.mark.parametrize("place", ["one", "other"])
def test_a_figure_that_is_too_small_decides_nothing(file: Path, place: str) -> None:
    file.write_text(EXAMPLE.replace('"rate"', '"cpu"'))
    claim = read_own(file).as_claim(file)
    samples = {
        case: [replace(SAMPLE, cpu=0.0 if case.target.name == place else 100.0)] * 9
        for case in claim.cases
    }
    with pytest.raises(click.ClickException, match="too small to measure"):
        judge(claim, samples)


def test_a_condition_names_its_figure(file: Path) -> None:
    file.write_text(EXAMPLE.replace('"rate"', '"p95"'))
    claim = read_own(file).as_claim(file)
    assert claim.comparisons[0].name == "POST /orders, p95, 8 connections: httptools to h11"


def test_names_with_brackets_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "claims": [Outcome(Claim("uvicorn[standard] [/]", "It is faster.", "")).as_document()]
    }
    print_verdicts(document, Console(width=80))
    with show_progress(1) as notify:
        notify("uvicorn[standard] [/]")
    assert "NOT MEASURED  uvicorn[standard] [/]" in capsys.readouterr().out


def test_the_command_to_repeat_can_be_pasted(tmp_path: Path) -> None:
    file = tmp_path / "my claim.toml"
    file.write_text(EXAMPLE)
    words = shlex.split(read_own(file).as_claim(file).options)
    assert words == ["--own", str(file)]


@pytest.mark.usefixtures("wrk")
def test_a_target_that_ends_during_a_round_is_reported_with_its_output(file: Path) -> None:
    ending = "    app.asked = getattr(app, 'asked', 0) + 1\n"
    ending += "    if app.asked > 50: print('out of paper', flush=True), os._exit(3)\n"
    application = APPLICATION.replace("    await receive()\n", f"    await receive()\n{ending}")
    assert application != APPLICATION
    file.with_name("app.py").write_text(f"import os\n{application}")
    result = claims("--own", file, "--quick")
    assert result.exit_code == 1
    assert "the request failed: " in result.output
    assert "out of paper" in result.output
    assert "Traceback" not in result.output
