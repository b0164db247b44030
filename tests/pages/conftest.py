"""A window on a gateway whose mounts differ on purpose."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import recorded_window
from tests.databases import free_port
from tests.sampling import leave_out_rest, uses
from tests.servers import serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test in Chromium takes seconds, so `make test` runs a third of them."""
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    leave_out_rest([item for item in here if uses(item, frozenset({"browser"}))], 3)


@pytest.fixture
def troubled(browser: Browser, port: int, database: object) -> Iterator[Page]:
    """A window for errors on purpose, which Chromium writes to its console."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def different_origin() -> Iterator[str]:
    """A gateway with three mounts that no one here has written pages for."""
    port = free_port()
    modules = "tests.compare.applications"
    with serve(
        *("gateway", "--port", port, "--only-mounts"),
        *("--mount", f"/one={modules}:main", "--mount", f"/two={modules}:main"),
        *("--mount", f"/three={modules}:changed"),
        origin=f"http://127.0.0.1:{port}",
        path="/one/users",
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def different(browser: Browser, different_origin: str) -> Iterator[Page]:
    """A window on it; after the test, it must have had no error."""
    with recorded_window(browser, different_origin) as (page, _):
        yield page
