"""Companion processes: started with the gateway, restarted, logged, and stopped with it."""

import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from framework_gateway.server import companions
from framework_gateway.server.companions import CommandError, parse_command, run_companions
from tests.databases import free_port
from tests.sampling import every
from tests.servers import has_ended, serve
from tests.wsgi.server import wait_until

SLOW = """
import signal, time

def stop(*_):
    # Longer than the 3 s after which a server without companions exits.
    time.sleep(4)
    raise SystemExit

signal.signal(signal.SIGTERM, stop)
print("ready")
# Run until SIGTERM.
time.sleep(60)
"""
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
def test_a_command_can_have_a_name(text: str, name: str, command: list[str]) -> None:
    assert parse_command(text) == (name, command)


@pytest.mark.parametrize("text", ["", "worker=", "run 'open"])
def test_an_invalid_command_is_refused(text: str) -> None:
    with pytest.raises(CommandError):
        parse_command(text)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_companions_output_is_logged_under_its_name(caplog: pytest.LogCaptureFixture) -> None:
    # The sleep keeps it running until the block ends.
    code = "import sys, time; print('ready'); print('oh', file=sys.stderr); time.sleep(60)"
    with run_companions({"worker": python(code)}):
        wait_until(lambda: len(caplog.records) >= 2)
    assert {(record.name, record.message) for record in caplog.records} == {
        ("companion.worker", "ready"),
        ("companion.worker", "oh"),
    }


def test_a_companion_that_exits_is_restarted_with_back_off(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "FIRST_DELAY", 0.01)
    with run_companions({"worker": python("print('begins'); raise SystemExit(3)")}):
        wait_until(lambda: caplog.text.count("begins") >= 3)
    waits = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert "status 3" in waits[0]
    assert waits[0].endswith("0.01 s")
    assert waits[1].endswith("0.02 s")


def test_a_missing_program_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with run_companions({"worker": ["no-such-program"]}):
        wait_until(lambda: "No such file or directory (no-such-program)" in caplog.text)


def test_a_companion_that_ignores_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(companions, "GRACE", 0.2)
    file = tmp_path / "pid"
    code = (
        "import os, signal, pathlib, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        # The sleep keeps it running until it is killed.
        f"pathlib.Path({str(file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    with run_companions({"worker": python(code)}):
        wait_until(lambda: file.exists() and file.read_text() != "")
    assert has_ended(int(file.read_text()))
    assert "killed" in caplog.text


def test_a_companions_own_processes_stop_with_it(tmp_path: Path) -> None:
    """A shell that is terminated leaves its programs behind, and they hold its output open."""
    started, finished = tmp_path / "started", tmp_path / "finished"
    script = f"(touch {started}; sleep 20; touch {finished}) & wait"
    with run_companions({"shell": ["sh", "-c", script]}):
        wait_until(started.exists)
    assert not finished.exists()


@pytest.mark.parametrize("workers", every(2, [1, 2]))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_companion_ends_with_the_gateway(
    tmp_path: Path, workers: int, number: signal.Signals
) -> None:
    (tmp_path / "own.py").write_text(APPLICATION)
    file = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); "
    # The sleep keeps it running until the gateway ends.
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


def test_a_companion_that_stops_slowly_does_not_change_the_exit_status(tmp_path: Path) -> None:
    """The server may have no time for requests left, and its companions have theirs."""
    (tmp_path / "own.py").write_text(APPLICATION)
    (tmp_path / "slow.py").write_text(SLOW)
    port = free_port()
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--mount", "/own=own:app")
    origin, env = f"http://127.0.0.1:{port}", {"GATEWAY_GRACEFUL_TIMEOUT": "0"}
    options = ("--with", "python slow.py")
    with serve(*command, *options, origin=origin, path="/own/", cwd=tmp_path, env=env) as server:
        wait_until(lambda: "ready" in server.output)
        server.terminate()
        assert server.wait(30) == 0, server.output


def test_a_companion_that_leaves_a_process_behind_is_restarted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that is left behind holds the output open; it must not hide the end."""
    monkeypatch.setattr(companions, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(companions, "LEFT_BEHIND", 0.1)
    monkeypatch.setattr(companions, "KILL_TIMEOUT", 0.1)
    pids = tmp_path / "pids"
    # One that ignores SIGTERM, and one that has left the group.
    script = f"""
        sh -c 'trap "" TERM; echo $$ >> {pids}; exec sleep 60' &
        setsid sleep 60 &
        echo $! >> {pids}
        wait_for_both() {{ while [ $(wc -l < {pids}) -lt 2 ]; do :; done; }}
        wait_for_both; exit 3
    """
    try:
        with run_companions({"shell": ["sh", "-c", script]}) as states:
            wait_until(lambda: states["shell"].restarts >= 2)
            assert states["shell"].fault == "it has ended (status 3) and starts again"
    finally:
        for pid in pids.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    assert "ended: status 3" in caplog.text


def test_a_companion_that_cannot_be_run_is_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "FIRST_DELAY", 0.01)
    with run_companions({"odd": ["python", "NUL \0"]}) as states:
        wait_until(lambda: states["odd"].restarts >= 2)
    assert "ValueError: embedded null byte" in caplog.text


@pytest.mark.parametrize("workers", every(2, [1, 2]))
def test_readiness_and_metrics_name_a_companion_that_is_down(tmp_path: Path, workers: int) -> None:
    (tmp_path / "own.py").write_text(APPLICATION)
    allowed = tmp_path / "allowed"
    # The sleep keeps it running until the gateway ends.
    code = f"import pathlib, time; pathlib.Path({str(allowed)!r}).unlink(); time.sleep(60)"
    port = free_port()
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--mount", "/own=own:app")
    options = ("--workers", workers, "--with", f"clock=python -c {code!r}")
    origin = f"http://127.0.0.1:{port}"
    with (
        serve(*command, *options, origin=origin, path="/own/", cwd=tmp_path),
        httpx.Client(base_url=origin) as client,
    ):

        def warning() -> str | None:
            ready = client.get("/health/ready")
            assert ready.status_code == 200
            fault: str | None = ready.json()["warnings"].get("companion clock")
            return fault

        wait_until(lambda: "status 1" in (warning() or ""))
        # It is up for a moment each time that it is tried.
        wait_until(lambda: 'companion_up{companion="clock"} 0.0' in client.get("/metrics").text)
        allowed.touch()
        wait_until(lambda: warning() is None)
        lines = client.get("/metrics").text.splitlines()
    assert 'companion_up{companion="clock"} 1.0' in lines
    (restarts,) = [line for line in lines if line.startswith("companion_restarts_total{")]
    assert float(restarts.split()[1]) >= 1
