"""Flask, FastAPI and Django behind ``gateway:app`` under each server."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx2 as httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite
from tests.other_servers.servers import COMMANDS, Served, serving
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.slow

EVENTS = "/fastapi/api/users/events"
LIVE = "/fastapi/api/users/live"


@pytest.fixture(scope="module", params=COMMANDS)
def running_showdown(
    request: pytest.FixtureRequest,
    migrated: SQLite | PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    # Only here: a reset below a running gateway would take back the events that it has seen.
    migrated.reset()
    directory: Path = tmp_path_factory.mktemp("showdown")
    with serving(request.param, directory, "gateway:app", "/flask/api/hello") as served:
        yield served


@pytest.fixture
def showdown(running_showdown: Served) -> Iterator[tuple[Served, httpx.Client]]:
    with httpx.Client(base_url=running_showdown.origin, timeout=PATIENCE) as client:
        yield running_showdown, client


Showdown = tuple[Served, httpx.Client]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_users_are_listed_and_created(showdown: Showdown, framework: str) -> None:
    _, client = showdown
    users = f"/{framework}/api/users"
    assert [user["name"] for user in client.get(users).json()][:2] == ["Alice", "Bob"]
    created = client.post(users, json={"name": "Carol", "email": f"carol@{framework}.example"})
    assert created.status_code == 201
    assert client.get(created.headers["Location"]).json()["name"] == "Carol"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_body_of_two_megabytes_is_read(showdown: Showdown, framework: str) -> None:
    _, client = showdown
    long = {"name": "a" * 2_000_000, "email": "carol@example.com"}
    answer = client.post(f"/{framework}/api/users", json=long)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]


def test_an_event_of_each_framework_arrives_while_the_stream_is_open(showdown: Showdown) -> None:
    server, client = showdown
    with (
        client.stream("GET", EVENTS) as answer,
        connect(f"ws://127.0.0.1:{server.port}{LIVE}", open_timeout=PATIENCE) as socket,
    ):
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        for framework in FRAMEWORKS:
            email = f"event.of.{framework}@example.com"
            body = {"name": framework, "email": email}
            assert client.post(f"/{framework}/api/users", json=body).status_code == 201
            wait_for_text(email, lines)
            wait_for_text(email, (str(socket.recv(PATIENCE)) for _ in count()))


def wait_for_text(text: str, lines: Iterator[str]) -> None:
    """Read until a line has the text; before it, there may be comments, and older events.

    The feed of a process may reach an event after a later listener has come.
    """
    deadline = time.monotonic() + PATIENCE
    for line in lines:
        assert time.monotonic() < deadline, "the event did not arrive"
        if text in line:
            return
    raise AssertionError("the stream ended")


def test_the_pages_and_the_admin(showdown: Showdown) -> None:
    _, client = showdown
    assert client.get("/").status_code == 200
    assert client.get("/django/admin/login/").status_code == 200
    assert client.get("/health/ready").status_code == 200
