"""Gateways in processes of their own, whose applications change what the whole process sees."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.mounts.test_django_settings import projects  # noqa: F401  # a fixture
from tests.servers import ROOT, Server, serve
from tests.wsgi.server import wait_until

# Answers with the time zone of its process.
QUIET = """
import time
from flask import Flask

app = Flask(__name__)
app.get("/")(lambda: time.tzname[0])
"""
# Takes over a stop, at its import and again when it starts.
GREEDY = """
import asyncio, contextlib, os, signal
from fastapi import FastAPI

signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.environ["GREEDY_TOKEN"] = "s3cret"

@contextlib.asynccontextmanager
async def lifespan(app):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, "mine")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir("/")
    yield

app = FastAPI(lifespan=lifespan)
"""


@contextmanager
def gateway(
    directory: Path, *options: str, env: dict[str, str], showdown: bool = False
) -> Iterator[tuple[httpx.Client, Server]]:
    """Run a gateway with mounts of a directory, until the block ends."""
    (directory / "quiet.py").write_text(QUIET)
    (directory / "greedy.py").write_text(GREEDY)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    environment = {"PYTHONPATH": str(directory), "TZ": "Asia/Tokyo", **env}
    only = () if showdown else ("--only-mounts",)
    command = ("gateway", "serve", "--port", port, *only, "--app-dir", ROOT, *options)
    with (
        serve(*command, origin=origin, path="/health/live", env=environment) as process,
        httpx.Client(base_url=origin, timeout=30) as client,
    ):
        wait_until(lambda: client.get("/quiet/").status_code == 200)
        yield client, process


def told(process: Server) -> list[str]:
    """Return the lines about changes of the whole process."""
    return [line for line in process.output.splitlines() if "The application at" in line]


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that sets nothing for Django."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("env", [{}, {"DJANGO_SETTINGS_MODULE": "shop.settings"}])
def test_the_showdown_leaves_the_process_to_an_own_application(
    tmp_path: Path, env: dict[str, str]
) -> None:
    options = ("--mount", "/quiet=quiet:app")
    with gateway(tmp_path, *options, env=env, showdown=True) as (client, process):
        assert client.get("/quiet/").text == "JST"
        for framework in ("flask", "fastapi", "django"):
            response = client.get(f"/{framework}/api/hello")
            assert response.json() == {"message": "Hello, World!"}
        assert told(process) == []


def test_a_second_django_has_a_process_of_its_own_and_the_first_one_is_told(
    projects: Path,  # noqa: F811
) -> None:
    mounts = ("/quiet=quiet:app", "/shop=shop.wsgi:application", "/club=club.asgi:application")
    options = [part for mount in mounts for part in ("--mount", mount)]
    with gateway(projects, *options, env={"TZ": "America/New_York"}) as (client, process):
        assert client.get("/shop/total").json() == {"total": "shop"}
        wait_until(lambda: client.get("/club/total").status_code == 200)
        assert client.get("/club/total").json() == {"total": "club"}
        assert client.get("/health/ready").status_code == 200
        output = process.output
    assert output.count("The application at /shop changed the time zone (TZ) and") == 1
    assert (
        "The application at /club runs in a process of its own: it asks for Django settings from"
        " club.settings, but this process uses shop.settings for the application at /shop, and"
    ) in output


def test_an_application_cannot_take_over_the_stop(tmp_path: Path) -> None:
    options = ("--mount", "/quiet=quiet:app", "--mount", "/greedy=greedy:app")
    with gateway(tmp_path, *options, env={}) as (client, process):
        wait_until(lambda: client.get("/greedy/docs").status_code == 200)
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
        output = process.output
    assert process.returncode == 0
    assert "The application at /greedy changed the signal handlers (SIGTERM)" in output
    assert "environment variables (GREEDY_TOKEN)" in output
    assert "the working directory (os.chdir)" in output
    assert "s3cret" not in output
    assert "mine" not in output
