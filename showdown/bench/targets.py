"""The targets: applications on servers, and how each server is configured.

Every server is one process with one worker. All servers with threads have the same number of them.
"""

import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from contract.settings import BASE_DIR

SCRIPTS = Path(sys.executable).parent
APPS = "showdown.bench.apps"
THREADS = 32
INSTALL = "make .venv/installed-dev"

UVICORN = "uvicorn --log-level warning --no-access-log --port {port}"
# --keep-alive: the same idle timeout as uvicorn's.
GUNICORN = (
    "gunicorn --log-level warning --worker-class gthread --workers 1 --threads {threads}"
    " --keep-alive 5 --bind 127.0.0.1:{port}"
)
GRANIAN = (
    "granian --interface wsgi --workers 1 --blocking-threads {threads} --port {port}"
    " --log-level warning"
)


@dataclass(frozen=True)
class Server:
    """A command that serves on a loopback port.

    Attributes:
        command: a program and its arguments, with ``{port}`` and ``{threads}``.
        threads: GATEWAY_THREADS: the size of each thread pool and of each database pool.
        pools: how many database pools the server opens; 0 if each request opens a connection.
        variables: additional environment variables.
        build: a command that builds the program first; ``{directory}`` is where it writes.
        install: the command that installs the program.
        cwd: the directory that the command runs in.
    """

    command: str
    threads: int = THREADS
    pools: int = 1
    variables: dict[str, str] = field(default_factory=dict)
    build: str = ""
    install: str = INSTALL
    cwd: Path = BASE_DIR

    @property
    def needs(self) -> str:
        """The program that must be installed before the server can start."""
        return (self.build or self.command).split()[0]


@dataclass(frozen=True)
class Target:
    """One application on one server."""

    name: str
    title: str
    server: str
    prefix: str = ""


SERVERS = {
    "gateway": Server(f"{UVICORN} gateway:app", pools=3),
    "flask-gunicorn": Server(f"{GUNICORN} flask_app:create_app()"),
    "django-gunicorn": Server(f"{GUNICORN} django_app.wsgi:application"),
    "fastapi-uvicorn": Server(f"{UVICORN} fastapi_app.main:app"),
    # Django gives each request a thread of its own there, and each thread a connection.
    "django-asgi": Server(f"{UVICORN} --lifespan off django_app.asgi:application", pools=0),
    "fastapi-def": Server(f"{UVICORN} {APPS}.fastapi_def:app"),
    "quart": Server(f"{UVICORN} {APPS}.quart_app:app"),
    "a2wsgi": Server(f"{UVICORN} --factory {APPS}.adapters:stock", pools=2),
    "flask-granian": Server(f"{GRANIAN} --factory flask_app:create_app"),
}

TARGETS = {
    target.name: target
    for target in (
        Target("flask-gateway", "Flask in the gateway", "gateway", "/flask"),
        Target("fastapi-gateway", "FastAPI in the gateway", "gateway", "/fastapi"),
        Target("django-gateway", "Django in the gateway", "gateway", "/django"),
        Target("flask-gunicorn", "Flask on gunicorn gthread", "flask-gunicorn"),
        Target("fastapi-uvicorn", "FastAPI on uvicorn", "fastapi-uvicorn"),
        Target("django-gunicorn", "Django on gunicorn gthread", "django-gunicorn"),
        Target("django-asgi", "Django over ASGI on uvicorn", "django-asgi"),
        Target("fastapi-def", "FastAPI with plain def", "fastapi-def"),
        Target("quart", "Quart on uvicorn", "quart"),
        Target("flask-a2wsgi", "Flask through a2wsgi itself", "a2wsgi", "/flask"),
        Target("flask-granian", "Flask on Granian", "flask-granian"),
    )
}
MAIN_TARGETS = tuple(TARGETS)[:6]


def with_threads(server: Server, threads: int) -> Server:
    """Return the same server with pools of another size."""
    return replace(server, threads=threads)


def program(name: str) -> str | None:
    """Find a program in the virtual environment or else on the PATH."""
    own = SCRIPTS / name
    return str(own) if own.exists() else shutil.which(name)


def why_left_out(server: Server) -> str | None:
    """Return which program is missing and how to install it; None if the server can start."""
    if program(server.needs):
        return None
    return f"{server.needs} is not installed ({server.install})"
