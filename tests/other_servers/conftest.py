"""Fixtures: each server in turn, with the Gateway of ``applications.py``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.other_servers.servers import COMMANDS, SHORT, Served, serving

APP = "tests.other_servers.applications:app"
READY = "/wsgi/"


@pytest.fixture(scope="module", params=COMMANDS)
def running_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for all tests of a module."""
    directory = tmp_path_factory.mktemp("server")
    with serving(request.param, directory, APP, READY, SHORT) as served:
        yield served


@pytest.fixture
def server(running_server: Served) -> Iterator[Served]:
    """The server; no request is held when a test begins."""
    running_server.release.unlink(missing_ok=True)
    yield running_server
    running_server.release.touch()


@pytest.fixture(params=COMMANDS)
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A server of its own for a test that stops it."""
    with serving(request.param, tmp_path, APP, READY) as served:
        yield served
