"""What ``make`` does on a fresh clone, and its message if Python is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

OLD_PYTHON = f"""#!/bin/sh
case "$1" in
  -V) echo Python 3.8.20 ;;
  -c) exec {sys.executable} -c "import sys; sys.version_info = (3, 8, 20, 'final', 0); $2" ;;
  *) exit 1 ;;
esac
"""


def make(directory: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, without the variables that an outer make has set."""
    inherited = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    inherited.pop("MFLAGS", None)
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=directory,
        env={**inherited, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of a fresh clone that make needs."""
    for path in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize("target", ["install", "run", "test", "test-slow", "lint"])
def test_an_old_python_is_reported_in_one_line(clone: Path, target: str) -> None:
    old = clone / "python3.8"
    old.write_text(OLD_PYTHON)
    old.chmod(0o755)
    result = make(clone, target, f"PYTHON={old}")
    assert result.returncode == 2
    assert result.stdout == (
        f"Python 3.11 or newer is needed, and {old} is Python 3.8.20: "
        f"make PYTHON=python3.11 {target}\n"
    )
    assert [line[:9] for line in result.stderr.splitlines()] == ["make: ***"]
    assert not (clone / ".venv").exists()


def test_a_missing_python_is_reported_in_one_line(clone: Path) -> None:
    result = make(clone, "run", "PYTHON=python3.999")
    assert result.returncode == 2
    assert result.stdout == (
        "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 run\n"
    )
    assert [line[:9] for line in result.stderr.splitlines()] == ["make: ***"]


def test_make_alone_lists_the_targets(clone: Path) -> None:
    result = make(clone)
    assert result.returncode == 0
    assert result.stderr == ""
    phony = re.search(r"^\.PHONY: (.*)$", (clone / "Makefile").read_text(), re.MULTILINE)
    assert phony
    listed = [re.fullmatch(r"make (\S+) +\S.*", line) for line in result.stdout.splitlines()]
    assert [match and match[1] for match in listed] == phony[1].split()
    assert {"install", "run", "test", "test-slow", "coverage", "lint"} <= set(phony[1].split())


def test_what_is_slow_is_the_rest(clone: Path) -> None:
    runs = {}
    for target in ("test", "test-slow", "test-thorough"):
        commands = make(clone, "--dry-run", target).stdout.splitlines()
        runs[target] = [command for command in commands if "/pytest " in command]
    assert len(runs["test"]) == 2
    assert runs["test-slow"] == [
        run.replace('"not slow"', '"slow and not thorough"') for run in runs["test"]
    ]
    assert runs["test-thorough"] == [run.replace('"not slow"', "thorough") for run in runs["test"]]
