"""What servers in processes of their own use, and that nothing of them stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from showdown.bench.apps.moves import GATEWAYS
from showdown.bench.servers import build, cpu_seconds, end, environment, family, run
from showdown.bench.targets import APPS, Server
from tests.servers import has_ended
from tests.wsgi.server import is_listening, wait_until

WORK = 0.3  # seconds of CPU time
CHILD = f"import time\nwhile time.process_time() < {WORK}: pass"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {CHILD!r}])
print("done", flush=True)
sys.stdin.read()
"""


def test_the_time_of_a_process_that_has_ended_is_not_lost() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert family(process.pid) == [process.pid]
        assert cpu_seconds(process.pid) >= WORK
        end(process)


def test_a_server_that_a_shell_has_started_ends_with_it(tmp_path: Path) -> None:
    command = f"{sys.executable} -m http.server --bind 127.0.0.1 {{port}}"
    server = Server(f"sh -c '{command} & wait'", cwd=tmp_path)
    with run(server, "sqlite:///unused", tmp_path) as running:
        started = family(running.process.pid)
        assert len(started) == 2
    wait_until(lambda: all(map(has_ended, started)))
    assert not is_listening(running.port)


def test_a_build_has_the_packages_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    server = Server("", build=f"python -m {APPS}.moves {{directory}}")
    build(server, tmp_path, environment(server, "sqlite:///unused"))
    assert {file.stem for file in tmp_path.glob("*.toml")} == {*GATEWAYS}
