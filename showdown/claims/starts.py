"""Cold starts of the frameworks' applications: as a server, and as a Lambda function."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import click

from contract.settings import BASE_DIR
from showdown.bench.load import ask
from showdown.bench.postgresql import free_port
from showdown.bench.servers import end, environment, family
from showdown.bench.targets import GUNICORN, SCRIPTS, UVICORN, Server
from showdown.claims.loads import MODULES

FRAMEWORKS = ("FastAPI", "Flask", "Django")
PATHS = {"a greeting": "/api/hello", "the users API": "/api/users?limit=20"}
APPLICATIONS = {
    ("a greeting", "FastAPI"): f"{MODULES}.hello_fastapi:app",
    ("a greeting", "Flask"): f"{MODULES}.hello_flask:app",
    ("a greeting", "Django"): f"{MODULES}.hello_django:app",
    ("the users API", "FastAPI"): "fastapi_app.main:app",
    ("the users API", "Flask"): "flask_app:create_app()",
    ("the users API", "Django"): "django_app.wsgi:application",
}
Process = subprocess.Popen[bytes]
SECONDS = 60  # to wait for the first answer
PAUSE = 0.002


@dataclass(frozen=True)
class Start:
    """One cold start: the seconds until the first answer, the memory then in MiB, the body."""

    seconds: float
    memory: float
    body: str


def server_of(subject: str, framework: str) -> Server:
    """Return the usual server of a framework."""
    command = UVICORN if framework == "FastAPI" else GUNICORN
    return Server(f"{command} {APPLICATIONS[subject, framework]}")


def start_server(subject: str, framework: str, url: str) -> Start:
    """Start a server and ask it until it answers."""
    started = time.monotonic()
    with launch(server_of(subject, framework), url) as (process, port):
        body = first_answer(process, port, PATHS[subject], started + SECONDS)
        return Start(time.monotonic() - started, memory_of(process.pid), body)


@contextmanager
def launch(server: Server, url: str) -> Iterator[tuple[Process, int]]:
    """Run a server until the block ends; do not wait until it is ready."""
    port = free_port()
    program, *arguments = server.command.format(port=port, threads=server.threads).split()
    with start([SCRIPTS / program, *arguments], server, url) as process:
        yield process, port


@contextmanager
def start(command: list[str | Path], server: Server, url: str) -> Iterator[Process]:
    """Run a program until the block ends."""
    process = subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env=environment(server, url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        end(process)
        for file in (process.stdin, process.stdout):
            assert file is not None
            file.close()


def first_answer(process: Process, port: int, path: str, deadline: float) -> str:
    """Return the body of the first answer.

    Raises:
        ClickException: the server ended, did not answer in time, or answered with an error.
    """
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, body = ask(port, path, "GET")
        except (ConnectionError, URLError):
            # The pause between two attempts, which is short against a start.
            time.sleep(PAUSE)
            continue
        return require(status, body, path)
    raise click.ClickException(f"{process.args!r} gave no answer")


def start_function(subject: str, framework: str, url: str) -> Start:
    """Start a process that answers one event, as serverless platforms do."""
    interface = "asgi" if framework == "FastAPI" else "wsgi"
    path = PATHS[subject]
    command = [sys.executable, "-m", f"{MODULES}.lambda_start", interface]
    started = time.monotonic()
    with start([*command, APPLICATIONS[subject, framework], path], Server(""), url) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.monotonic() - started
        if not line:
            raise click.ClickException(f"{process.args!r} gave no answer")
        answer = json.loads(line)
        body = require(answer["statusCode"], answer["body"], path)
        return Start(seconds, memory_of(process.pid), body)


def require(status: int, body: str, path: str) -> str:
    """Return the body of an answer that succeeded.

    Raises:
        ClickException: it did not.
    """
    if status != 200:
        raise click.ClickException(f"{path} returned {status}: {body}")
    return body


def memory_of(pid: int) -> float:
    """Return the memory of a process and its descendants in MiB.

    A page that several processes share counts once in total (PSS, proc(5)): gunicorn's worker
    shares pages with its parent.
    """
    kibibytes = 0
    for entry in family(pid):
        for line in Path(f"/proc/{entry}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kibibytes += int(line.split()[1])
    return kibibytes / 1024
