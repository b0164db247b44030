"""The servers, each with its usual command line."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import free_port
from tests.servers import Server, serve

# Each takes its address and "module:attribute".
COMMANDS = {
    "gateway": ["gateway", "serve", "--port={port}", "{app}"],
    "uvicorn": ["uvicorn", "--port={port}", "{app}"],
    "gunicorn": [
        *("gunicorn", "--no-control-socket", "--worker-class=uvicorn_worker.UvicornWorker"),
        *("--bind=127.0.0.1:{port}", "{app}"),
    ],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:{port}", "{app}"],
    "granian": ["granian", "--interface=asgi", "--port={port}", "{app}"],
    "daphne": ["daphne", "--port={port}", "{app}"],
}
OWN = "gateway"
SHORT = {"GATEWAY_HEAD_TIMEOUT": "0.5", "GATEWAY_BODY_TIMEOUT": "0.5"}


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        name: a key of COMMANDS.
        release: creating this file ends the requests that wait for it.
    """

    name: str
    port: int
    process: Server
    release: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    name: str, directory: Path, app: str, path: str, env: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Run a server until the block ends.

    Args:
        name: a key of COMMANDS.
        directory: an empty directory for the file that releases requests.
        app: an import string.
        path: requested until there is a response.
    """
    port = free_port()
    command = [part.format(port=port, app=app) for part in COMMANDS[name]]
    release = directory / "release"
    env = {"RELEASE": os.fspath(release), **(env or {})}
    with serve(*command, origin=f"http://127.0.0.1:{port}", path=path, env=env) as process:
        try:
            yield Served(name, port, process, release)
        finally:
            release.touch()
