"""Targets that cannot share a process are compared all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from framework_gateway import Process, comparing
from framework_gateway.compare.isolated import parse
from tests.servers import SCRIPTS

VERSION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"version %d"]
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    """Two versions of a project, in directories of their own."""
    for number, name in enumerate(("old", "new"), 1):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.py").write_text(VERSION.replace("%d", str(number)))
    return tmp_path


def test_paths_in_front_of_an_import_string_name_directory_and_python(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    environment = str(tmp_path / ".venv")
    assert parse("shop:create_app('a b', '/x')") == ("shop:create_app('a b', '/x')", None)
    assert parse("shop:create_app('/x y')") == ("shop:create_app('/x y')", None)
    assert parse(f"{environment} shop") == ("shop", Process(python=environment))
    assert parse(f"{sys.executable} shop") == ("shop", Process(python=sys.executable))
    assert parse(f"{tmp_path} {environment} shop:create_app('a b')") == (
        "shop:create_app('a b')",
        Process(python=environment, working_directory=str(tmp_path)),
    )


def test_two_checkouts_of_a_project_are_compared(checkouts: Path) -> None:
    targets = [f"--target={name}={checkouts / name} shop" for name in ("old", "new")]
    result = subprocess.run(
        [SCRIPTS / "gateway", "compare", "GET", "/", *targets], capture_output=True, text=True
    )
    assert result.returncode == 1, result.stderr
    assert "version 1" in result.stdout
    assert "version 2" in result.stdout


def test_a_target_can_be_a_pair_of_an_import_string_and_a_process(checkouts: Path) -> None:
    targets = {
        name: ("shop", Process(working_directory=str(checkouts / directory), python=sys.executable))
        for name, directory in {"one": "old", "other": "old"}.items()
    }
    with comparing(targets) as compare:
        assert compare("GET", "/").identical


def test_a_target_that_does_not_start_is_named_with_its_reason(checkouts: Path) -> None:
    (checkouts / "old" / "shop.py").write_text("raise RuntimeError('no settings')")
    result = subprocess.run(
        [
            *(SCRIPTS / "gateway", "compare", "GET", "/"),
            *("--target", f"old={checkouts / 'old'} shop"),
            *("--target", f"new={checkouts / 'new'} shop"),
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode not in (0, 1) or "Error" in result.stderr
    assert "no settings" in result.stderr
