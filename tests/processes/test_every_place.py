"""One gateway with Flask, FastAPI and Django, and applications in all other places."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import FRAMEWORKS
from tests.databases import free_port
from tests.processes.environments import OldFlask
from tests.processes.gateways import Isolating, Load, ended, wait_until
from tests.servers import Server, serve
from tests.soak.processes import read_all

pytestmark = pytest.mark.slow

PAGES = {"shop": "/shop/total/", "club": "/club/total/", "old": "/old/items/7"}
HELLO = {name: f"/{name}/api/hello" for name in FRAMEWORKS}


@contextmanager
def away(apps: Path, port: int) -> Iterator[Server]:
    """Run a server that the gateway has not started."""
    origin = f"http://127.0.0.1:{port}"
    with serve("uvicorn", "live:app", "--port", port, origin=origin, path="/items", cwd=apps) as it:
        yield it


@contextmanager
def gateway_with(apps: Path, old_flask: OldFlask, port_away: int) -> Iterator[Isolating]:
    """Serve the showdown, two Django projects, an old Flask, and the server that is away."""
    port = free_port()
    projects = [
        part
        for name in ("shop", "club", "old")
        for part in ("--mount-option", f"/{name}:process.working_directory={apps}")
    ]
    mounts = {
        "shop": "shop.wsgi:application",
        "club": "club.wsgi:application",
        "old": "old:application",
        "away": f"http://127.0.0.1:{port_away}",
    }
    named = [part for name, app in mounts.items() for part in ("--mount", f"/{name}={app}")]
    command = ("gateway", "serve", "--port", port, *named, *projects, *old_flask.options)
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, origin=origin, path="/health/live") as process:
        yield Isolating(origin, process)


def process_of(gateway: Isolating, mount: str) -> int:
    """Return the id of the process that runs the application of a mount."""
    below = descendants(gateway.process.pid)
    part = '"application": "old:application"' if mount == "old" else f"child /{mount} "
    # The command of a guardian names the application, too.
    return max(pid for pid, text in below.items() if part in text and "guardian" not in text)


def descendants(process: int) -> dict[int, str]:
    """Return the commands of all processes below a process, by id."""
    found: dict[int, str] = {}
    everything = [*read_all()]
    parents = {process}
    while parents:
        children = [one for one in everything if one.parent in parents]
        found |= {one.id: one.command for one in children}
        parents = {one.id for one in children}
    return found


@pytest.mark.usefixtures("migrated")
def test_a_kill_in_one_place_costs_no_other_place_a_request(
    apps: Path, old_flask: OldFlask
) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(away(apps, port))
        gateway = stack.enter_context(gateway_with(apps, old_flask, port))
        for page in (*PAGES.values(), *HELLO.values(), "/away/items"):
            gateway.wait_for(page)
        for victim, page in PAGES.items():
            others = {**HELLO, **PAGES, "away": "/away/items"}
            del others[victim]
            with ExitStack() as clients:
                loads = {
                    name: clients.enter_context(Load(gateway.origin + path, clients=1))
                    for name, path in others.items()
                }
                os.kill(process_of(gateway, victim), signal.SIGKILL)
                gateway.wait_for(page, 503)
                gateway.wait_for(page)
            assert [name for name, load in loads.items() if {*load.seen} != {200}] == []
        with Load(gateway.origin + HELLO["fastapi"]) as load:
            server.kill()
            gateway.wait_for("/away/items", 502)
            stack.enter_context(away(apps, port))
            gateway.wait_for("/away/items")
        assert {*load.seen} == {200}
        processes = [*descendants(gateway.process.pid)]
        assert len(processes) > len(PAGES)
        gateway.process.kill()
        wait_until(lambda: ended(*processes))
