"""What to run for an application in a process of its own: command, directory, environment."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from framework_gateway.processes.options import Process

PACKAGE = "framework-gateway"
OWN_SERVER = "framework_gateway.cli.child"
LAUNCHER = Path(__file__).with_name("launcher.py")
ASK_VERSION = f"""
from importlib.metadata import version
from importlib.util import find_spec
print(version({PACKAGE!r}) if find_spec({OWN_SERVER!r}) else "")
"""
ASK_TIMEOUT = 10.0  # seconds
# What holds for the gateway's own Python, and misleads another one.
OF_ONE_PYTHON = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}


class StartFailed(Exception):
    """The process could not be started; the message says why."""


def current_environment() -> dict[str, str]:
    """Return the environment variables as they are now; applications may change them later."""
    return dict(os.environ)


@dataclass(frozen=True, eq=False)
class Plan:
    """How to run the application of a mount.

    Attributes:
        label: the prefix of the mount, or the name of a target.
        prefix: the path in front of the application's own.
        application: its import string; may be empty if the process has a command.
        process: the options of the process.
        options: those of the mount, by name, as far as they concern the application.
        environment: the variables of the gateway.
    """

    label: str
    prefix: str
    application: str
    process: Process
    options: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def grace(self) -> float:
        """Seconds to stop."""
        return float(self.options["grace"])

    @property
    def start_timeout(self) -> float:
        """Seconds to start."""
        return float(self.options["start_timeout"])

    @property
    def directory(self) -> str:
        """The working directory of the process."""
        return os.path.abspath(self.process.working_directory or ".")

    @property
    def strips_prefix(self) -> bool:
        """Whether the process gets each path without the prefix."""
        return self.process.command is None or bool(self.options.get("strip_prefix"))

    def find_fault(self) -> str | None:
        """Import the application as its process does, and return why that fails, as one line.

        None if it works, or if another server's command would have to run for it.
        """
        try:
            order = self.order(Path(), check=True)
            if self.process.command is not None:
                return None
            done = subprocess.run(
                order["command"],
                env=order["environment"],
                cwd=order["directory"],
                capture_output=True,
                text=True,
                timeout=self.start_timeout,
            )
        except (StartFailed, OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode == 0:
            return None
        return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]

    def order(self, socket: Path, *, check: bool = False) -> dict[str, Any]:
        """Return what the guardian is to run, without what concerns the guardian alone.

        Args:
            socket: where the server listens.
            check: only import the application.

        Raises:
            StartFailed: it cannot be run.
        """
        if not Path(self.directory).is_dir():
            raise StartFailed(f"there is no directory {self.directory}")
        command, environment = self._own_choice(socket, check)
        if self.process.command is not None:
            # gunicorn and uvicorn trust the headers of whom it names; nobody else has the socket.
            environment["FORWARDED_ALLOW_IPS"] = "*"
            if not self.strips_prefix:
                environment["SCRIPT_NAME"] = self.prefix  # gunicorn takes the prefix from it
            command = [
                part.replace("{socket}", str(socket)).replace("{prefix}", self.prefix)
                for part in shlex.split(self.process.command)
            ]
        return {
            "command": command,
            "directory": self.directory,
            "environment": {**environment, **self.process.environment},
            "user": self.process.user,
            "grace": self.grace,
        }

    def _own_choice(self, socket: Path, check: bool) -> tuple[list[str], dict[str, str]]:
        """Return the command of a server for the application, and the environment for it."""
        given = self.process.python
        python = find_python(given, self.directory)
        environment = {**self.environment, "PYTHONUNBUFFERED": "1"}
        if given is not None:
            environment = {k: v for k, v in environment.items() if k not in OF_ONE_PYTHON}
        path = [str(Path(python).parent), environment.get("PATH", os.defpath)]
        environment["PATH"] = os.pathsep.join(path)
        asked = {"application": self.application, "socket": str(socket), "check": check}
        asked |= self.options
        if given is not None and not has_own_server(python, environment, self.directory):
            return [python, str(LAUNCHER), json.dumps(asked)], environment
        if given is None and self.process.working_directory is None:
            asked["path"] = sys.path
        return [python, "-m", OWN_SERVER, self.label, json.dumps(asked)], environment


def find_python(given: str | None, directory: str) -> str:
    """Return the path of an interpreter.

    Args:
        given: the interpreter, or the directory of its environment; None for that of the gateway.
        directory: what a relative path begins at.

    Raises:
        StartFailed: there is none.
    """
    if given is None:
        return sys.executable
    path = Path(directory, given)
    found = path / "bin" / "python" if path.is_dir() else path
    if not os.access(found, os.X_OK):
        raise StartFailed(f"there is no Python at {found}")
    return str(found)


def has_own_server(python: str, environment: Mapping[str, str], directory: str) -> bool:
    """Return whether another Python has this package, in the same version.

    Raises:
        StartFailed: it cannot be run.
    """
    try:
        own = version(PACKAGE)
        asked = subprocess.run(
            [python, "-c", ASK_VERSION],
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=ASK_TIMEOUT,
        )
    except PackageNotFoundError:
        return False
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartFailed(f"{python} cannot be run: {error}") from error
    return asked.returncode == 0 and asked.stdout.strip() == own
