"""One server for each module; each test sets its application."""

from collections.abc import Iterator

import pytest

from tests.wsgi.server import Served, serve, wait_until


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    with serve(threads=4) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    """The server; after each test, all its threads must be free."""
    yield module_server
    wait_until(module_server.is_idle)
