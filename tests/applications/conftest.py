"""Skip without the applications' environment; a directory for each application's data."""

from pathlib import Path

import pytest

from tests.applications.environment import BIN
from tests.databases import missing

pytest.register_assert_rewrite("tests.applications.comparing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of applications if they are not installed; in CI, fail them."""
    if item.get_closest_marker("slow") and not (BIN.parent / "installed").exists():
        missing("the applications are not installed: make .venv/applications/installed")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory for the data of an application."""
    return tmp_path_factory.mktemp("data")
