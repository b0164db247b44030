"""Move the users API from Flask to FastAPI, step by step, under load: ``make move-demo``."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from contract.settings import BASE_DIR
from showdown.bench.postgresql import free_port
from showdown.bench.servers import end, read
from showdown.bench.targets import program
from showdown.demo.clients import Clients, running_clients

PATIENCE = 120.0  # seconds for a step
LIST, ONE, HELLO, WAIT = (
    "GET /api/users",
    "GET /api/users/{user_id}",
    "GET /api/hello",
    "GET /api/wait",
)
FILE = """
[server]
moves_store = "moves.sqlite3"

[[moves]]
prefix = "/users"
old = "flask_app:create_app"
new = "showdown.demo.new:app"
sticky = ["header:X-Client"]
show = ["/**/name", "/message"]
ready = { compared = 50, slower = 20.0 }
breaker = { volume = 5, in_a_row = 5, window = 20.0, step = 2.0 }

[[moves.rules]]
methods = "reads"
stage = "shadow"
"""


class Demo:
    """The demo: a directory with the file of the gateway, and what is told.

    Args:
        directory: where the file, the state and the mistakes are.
        tell: prints a sentence.
    """

    def __init__(self, directory: Path, tell: Callable[[str], None]) -> None:
        self.directory = directory
        self.tell = tell
        self.mistakes = directory / "mistakes"
        (directory / "gateway.toml").write_text(FILE)
        self.plant("names", "greeting", "waits")

    def plant(self, *mistakes: str) -> None:
        """Leave these mistakes in the new application."""
        self.mistakes.write_text(" ".join(mistakes))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the gateway and of the commands."""
        return {
            **os.environ,
            "PYTHONPATH": str(BASE_DIR),
            "DEMO_MISTAKES": str(self.mistakes),
            "GATEWAY_DATABASE_URL": f"sqlite:///{self.directory / 'users.sqlite3'}",
        }

    def run(self, *command: str) -> str:
        """Run ``gateway move`` as a person does; return what it prints."""
        self.tell(f"$ gateway move {' '.join(command)}")
        return self.ask(*command)

    def ask(self, *command: str) -> str:
        """Run ``gateway move`` without saying so."""
        run = subprocess.run(
            [sys.executable, "-m", "framework_gateway", "move", *command],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if run.returncode:
            raise click.ClickException(run.stderr)
        return run.stdout

    @property
    def status(self) -> dict[str, Any]:
        """What ``gateway move status --json`` says."""
        found: dict[str, Any] = json.loads(self.ask("status", "--json"))
        return found

    def wait_for(self, what: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the status fulfils a condition; return it."""
        deadline = time.monotonic() + PATIENCE
        while not condition(status := self.status):
            if time.monotonic() > deadline:
                raise click.ClickException(f"This did not happen within {PATIENCE:g} s: {what}")
            # The pause between two looks.
            time.sleep(0.5)
        self.tell(f"  {what}")
        return status


@contextmanager
def serving(demo: Demo) -> Iterator[str]:
    """Run the gateway of the demo; yield its origin."""
    prepare = [sys.executable, str(BASE_DIR / "manage.py"), "prepare"]
    subprocess.run(prepare, env=demo.environment, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [program("gateway") or "gateway", "serve", "--port", str(port)],
            cwd=demo.directory,
            env=demo.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(process.poll, port, lambda: read(log))
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def wait_until_ready(poll: Callable[[], int | None], port: int, log: Callable[[], str]) -> None:
    """Wait until the gateway answers."""
    import httpx2 as httpx

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/users/api/hello").status_code == 200:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        # The pause between two attempts.
        time.sleep(0.1)
    raise click.ClickException(f"The gateway did not start: {log()}")


def move(demo: Demo) -> Clients:
    """Move the API; return what its clients have noticed."""
    demo.tell("Flask answers. Each read is also sent to FastAPI, after the client has its answer.")
    with serving(demo) as origin:
        demo.tell(f"The page: {origin}/moves")
        with running_clients(origin) as clients:
            find_mistakes(demo)
            correct_mistakes(demo)
            roll_out(demo)
            break_one(demo)
    demo.tell(demo.run("report"))
    return clients


def find_mistakes(demo: Demo) -> None:
    """The shadows find two mistakes and a route that fails."""
    status = demo.wait_for(
        "the shadows have found that two routes differ",
        lambda status: all(differs(status, route) for route in (LIST, HELLO)),
    )
    for route in (LIST, HELLO):
        for found in status["routes"][route]["differences"]:
            demo.tell(f"  {route}: {found['what']}, {found['count']} requests")


def differs(status: dict[str, Any], route: str) -> bool:
    """Return whether a difference of a route has been seen."""
    return bool(status["routes"].get(route, {}).get("differing"))


def correct_mistakes(demo: Demo) -> None:
    """The team corrects what was found; the evidence begins anew."""
    demo.tell("The team corrects both.")
    demo.plant("waits")
    for route in (LIST, HELLO):
        demo.run("forget", "/users", route)
    demo.wait_for(
        "three routes are ready: enough was compared, and nothing differs",
        lambda status: all(
            status["routes"][route]["readiness"] == "ready" for route in (LIST, ONE, HELLO)
        ),
    )


def roll_out(demo: Demo) -> None:
    """One route moves to 10 %, 50 % and 100 % of the clients."""
    rule = ("--route", "/api/users/{user_id}", "--methods", "reads")
    for percent in ("10", "50", "100"):
        demo.run("set", "/users", *rule, "--stage", "live", "--percent", percent)
        demo.tell(f"  {percent} % of the clients are answered by FastAPI")
    before = demo.status["routes"][ONE]["counts"].get("new success", 0)
    demo.wait_for(
        "FastAPI answers this route",
        lambda status: status["routes"][ONE]["counts"].get("new success", 0) >= before + 50,
    )
    demo.run("set", "/users", *rule, "--stage", "complete")


def break_one(demo: Demo) -> None:
    """One route moves too early; the breaker takes it back, and no client notices."""
    rule = ("--route", "/api/wait", "--methods", "reads", "--stage", "live", "--percent", "100")
    demo.tell("A hasty colleague moves a route that is not ready.")
    demo.run("set", "/users", *rule)
    status = demo.wait_for(
        "the breaker has taken the route back", lambda status: WAIT in status["trips"]
    )
    demo.tell(f"  {WAIT}: {status['trips'][WAIT]['reason']}")
    demo.plant()
    demo.tell("The team corrects the mistake, and releases the route.")
    demo.run("release", "/users", WAIT)
    before = status["routes"][WAIT]["counts"].get("new success", 0)
    demo.wait_for(
        "FastAPI answers this route, too",
        lambda status: status["routes"][WAIT]["counts"].get("new success", 0) > before,
    )


@click.command()
def main() -> None:
    """Move the users API from Flask to FastAPI, under load, with planted mistakes."""
    with tempfile.TemporaryDirectory(prefix="move-demo-") as name:
        clients = move(Demo(Path(name), click.echo))
    total = sum(clients.statuses.values())
    click.echo(f"The clients got {total:,} answers: {dict(clients.statuses)}.")
    if clients.faults:
        raise click.ClickException(f"{len(clients.faults)} of them failed: {clients.faults[:3]}")
    click.echo("No client has noticed anything.")


if __name__ == "__main__":
    main()
