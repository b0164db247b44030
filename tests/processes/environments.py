"""An environment with an old Flask, on the oldest Python of this machine."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.databases import missing

OLD_FLASK = [
    "flask==1.1.4",
    "click==7.1.2",
    "itsdangerous==1.1.0",
    "jinja2==2.11.3",
    "markupsafe==1.1.1",
    "waitress==1.4.4",
    "werkzeug==1.0.1",
]


@dataclass(frozen=True)
class OldFlask:
    """How to run the application ``old:application`` at ``/old``.

    Attributes:
        python: the path of the interpreter.
        version: its version, such as ``(2, 7)``.
        packages: the directory of Flask 1.1 and what it needs.
    """

    python: str
    version: tuple[int, int]
    packages: Path

    @property
    def options(self) -> list[str]:
        """The options of ``gateway serve``."""
        given = [
            f"/old:process.python={self.python}",
            f"/old:process.environment.PYTHONPATH={self.packages}",
        ]
        return [part for option in given for part in ("--mount-option", option)]


def install_old_flask(directory: Path) -> OldFlask:
    """Install Flask 1.1 into a directory."""
    python, version = oldest_python()
    if version >= (3, 10):
        missing("Flask 1.1 needs Python 3.9 or older, such as one that pyenv installs")
    install = [python, "-m", "pip", "install", "--quiet", "--target", str(directory), *OLD_FLASK]
    installed = subprocess.run(install, capture_output=True, text=True, timeout=300)
    assert installed.returncode == 0, installed.stderr
    return OldFlask(python, version, directory)


def oldest_python() -> tuple[str, tuple[int, int]]:
    """Return the oldest Python of this machine that has pip, and its version."""
    ask = "import sys, pip; print('%d %d' % sys.version_info[:2])"
    found: dict[tuple[int, int], str] = {}
    for python in candidates():
        asked = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        if asked.returncode == 0:
            major, minor = map(int, asked.stdout.split())
            found.setdefault((major, minor), str(python))
    version = min(found)
    return found[version], version


def candidates() -> Iterator[Path]:
    """Yield the interpreters in PATH and those that pyenv has installed."""
    for directory in os.environ["PATH"].split(os.pathsep):
        yield from Path(directory).glob("python[23]*[0-9]")
    yield from Path.home().glob(".pyenv/versions/*/bin/python")
