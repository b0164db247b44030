"""Mounts in processes of their own in ``gateway.toml``."""

from pathlib import Path

from tests.databases import free_port
from tests.processes.gateways import Isolating
from tests.servers import run, serve

MOUNT = """
[[mounts]]
prefix = "/probe"
application = "probe:app"

[mounts.process]
processes = 2
environment = { PROBE = "value" }
"""
BROKEN = """
[[mounts]]
prefix = "/broken"
application = "broken:app"
process = {}
"""


def test_a_file_isolates_a_mount(apps: Path) -> None:
    (apps / "gateway.toml").write_text(MOUNT)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--port", port)
    with serve(*command, origin=origin, path="/health/live", cwd=apps) as process:
        gateway = Isolating(origin, process)
        found = gateway.wait_for("/probe/").json()
        assert found["variable"] == "value"
        assert found["pid"] != process.pid
    assert run("gateway", "check", cwd=apps).returncode == 0


def test_check_imports_the_application_in_its_own_process(apps: Path) -> None:
    (apps / "gateway.toml").write_text(MOUNT + BROKEN)
    result = run("gateway", "check", cwd=apps)
    assert result.returncode == 1
    assert "gateway.toml:12: error: mounts[1].application: " in result.stdout
    assert "no database here" in result.stdout


def test_check_names_what_is_missing_for_another_python(apps: Path) -> None:
    text = BROKEN.replace("{}", '{ python = "/nowhere/python" }')
    (apps / "gateway.toml").write_text(text)
    result = run("gateway", "check", cwd=apps)
    assert "there is no Python at /nowhere/python" in result.stdout
