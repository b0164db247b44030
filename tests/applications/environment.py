"""The applications' environment, a gateway with one mount, and the application's usual server."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import free_port
from tests.servers import ROOT, Server, serve

BIN = ROOT / ".venv" / "applications" / "bin"
APPS = Path(__file__).parent / "apps"
CLIENTS = Path(__file__).parent / "clients"
HOST = "localhost"  # sent to both servers, so that absolute addresses in answers are the same
QUIET = {
    "NICEGUI_STORAGE_PATH": "",  # set for each test
    "FASTMCP_CHECK_FOR_UPDATES": "off",
    "FASTMCP_SHOW_SERVER_BANNER": "false",
}


@dataclass(frozen=True)
class Application:
    """An application, and how it is served.

    Attributes:
        prefix: where it is mounted; its usual server gets the same root path.
        name: its import string, for the gateway.
        server: the command of its usual server; ``{port}`` and ``{prefix}`` are filled in.
        env: more variables of the environment of both servers.
        outer: the prefix of its addresses on the usual server: uvicorn puts the root path before
            each path itself.
    """

    prefix: str
    name: str
    server: tuple[str, ...]
    outer: str
    env: Mapping[str, str] = field(default_factory=dict)


def on_gunicorn(prefix: str, name: str, app: str | None = None) -> Application:
    """Return a WSGI application whose usual server is gunicorn."""
    command = ("gunicorn", "--no-control-socket", "--threads=4", "--bind=127.0.0.1:{port}")
    return Application(
        prefix, name, (*command, "--env=SCRIPT_NAME={prefix}", app or name), outer=prefix
    )


def on_uvicorn(prefix: str, name: str, app: str | None = None) -> Application:
    """Return an ASGI application whose usual server is uvicorn."""
    command = ("uvicorn", "--port={port}", "--root-path={prefix}", "--no-proxy-headers")
    return Application(prefix, name, (*command, app or name), outer="")


@dataclass(frozen=True)
class Addresses:
    """Where an application answers: below the gateway and on its usual server, without a slash."""

    gateway: str
    usual: str
    process: Server


def variables(application: Application, data: Path) -> dict[str, str]:
    """Return the variables of both servers' environment."""
    quiet = {**QUIET, "NICEGUI_STORAGE_PATH": os.fspath(data / "nicegui")}
    return {**quiet, "APPLICATION_DATA": os.fspath(data), **application.env}


@contextmanager
def mounted(application: Application, data: Path) -> Iterator[tuple[str, Server]]:
    """Serve an application by a gateway; yield the address of its prefix."""
    port, prefix = free_port(), application.prefix
    command = [
        *(BIN / "gateway", "serve", "--port", port, "--app-dir", APPS),
        *("--only-mounts", "--mount", f"{prefix}={application.name}"),
    ]
    origin = f"http://127.0.0.1:{port}"
    env = variables(application, data)
    with serve(*command, origin=origin, path="/health/ready", env=env, cwd=APPS) as process:
        yield origin + prefix, process


@contextmanager
def served_as_usual(application: Application, data: Path) -> Iterator[str]:
    """Serve an application by its usual server; yield the address of its root."""
    port = free_port()
    program, *arguments = (
        part.format(port=port, prefix=application.prefix) for part in application.server
    )
    origin = f"http://127.0.0.1:{port}"
    env = {**variables(application, data), "PYTHONPATH": os.fspath(APPS)}
    with serve(BIN / program, *arguments, origin=origin, path="/", env=env, cwd=APPS):
        yield origin + application.outer


@contextmanager
def both(
    application: Application, data: Path, usual_data: Path | None = None
) -> Iterator[Addresses]:
    """Serve an application by a gateway and by its usual server.

    Args:
        data: the directory of its data.
        usual_data: another one for the usual server, if the tests change the data.
    """
    with (
        mounted(application, data) as (address, process),
        served_as_usual(application, usual_data or data) as usual,
    ):
        yield Addresses(address, usual, process)


def drive(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a client of the applications' environment to its end."""
    return subprocess.run(
        [BIN / "python", CLIENTS / script, *arguments],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=60,
    )
