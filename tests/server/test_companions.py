"""Companion processes: started with the gateway, started again, logged, and stopped with it."""

import logging
import signal
import sys
from pathlib import Path

import pytest

from framework_gateway.server import companions
from framework_gateway.server.companions import CommandError, accompanied_by, parse_command
from tests.databases import free_port
from tests.servers import has_ended, serve
from tests.wsgi.server import wait_until

APPLICATION = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""


@pytest.mark.parametrize(
    ("text", "name", "command"),
    [
        ("python manage.py worker", "python manage.py worker", ["python", "manage.py", "worker"]),
        ("worker=python manage.py worker", "worker", ["python", "manage.py", "worker"]),
        ("mail-1=run 'two words'", "mail-1", ["run", "two words"]),
        ("run --option=1", "run --option=1", ["run", "--option=1"]),
    ],
)
def test_a_command_may_have_a_name(text: str, name: str, command: list[str]) -> None:
    assert parse_command(text) == (name, command)


@pytest.mark.parametrize("text", ["", "worker=", "run 'open"])
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(CommandError):
        parse_command(text)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_its_output_is_logged_under_its_name(caplog: pytest.LogCaptureFixture) -> None:
    code = "import sys, time; print('ready'); print('oh', file=sys.stderr); time.sleep(60)"
    with accompanied_by({"worker": python(code)}):
        wait_until(lambda: len(caplog.records) >= 2)
    assert {(record.name, record.message) for record in caplog.records} == {
        ("companion.worker", "ready"),
        ("companion.worker", "oh"),
    }


def test_one_that_ends_is_started_again_later_each_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "FIRST_DELAY", 0.01)
    with accompanied_by({"worker": python("print('begins'); raise SystemExit(3)")}):
        wait_until(lambda: caplog.text.count("begins") >= 3)
    waits = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert "status 3" in waits[0]
    assert waits[0].endswith("0.01 s")
    assert waits[1].endswith("0.02 s")


def test_a_program_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with accompanied_by({"worker": ["no-such-program"]}):
        wait_until(lambda: "No such file or directory (no-such-program)" in caplog.text)


def test_one_that_ignores_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(companions, "GRACE", 0.2)
    file = tmp_path / "pid"
    code = (
        "import os, signal, pathlib, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    with accompanied_by({"worker": python(code)}):
        wait_until(lambda: file.exists() and file.read_text() != "")
    assert has_ended(int(file.read_text()))
    assert "killed" in caplog.text


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_gateway(tmp_path: Path, workers: int, number: signal.Signals) -> None:
    (tmp_path / "own.py").write_text(APPLICATION)
    file = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); "
    code += "time.sleep(60)"
    port = free_port()
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--mount", "/own=own:app")
    options = ("--workers", workers, "--with", f"clock=python -c {code!r}")
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, *options, origin=origin, path="/own/", cwd=tmp_path) as server:
        wait_until(lambda: file.exists() and file.read_text() != "")
        server.send_signal(number)
        server.wait()
        wait_until(lambda: has_ended(int(file.read_text())))
