"""One server for each module; its application is exchanged."""

from collections.abc import Iterator

import pytest

from tests.wsgi.server import Served, serve, wait_until


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    with serve(threads=4) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    """The server; each test must leave its threads free."""
    yield module_server
    wait_until(module_server.is_idle)
