"""Fixtures: the applications, as files."""

from pathlib import Path

import pytest

from tests.processes.applications import write_applications
from tests.processes.environments import OldFlask, install_old_flask


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """A directory with the applications."""
    return write_applications(tmp_path)


@pytest.fixture(scope="session")
def old_flask(tmp_path_factory: pytest.TempPathFactory) -> OldFlask:
    """Flask 1.1 on the oldest Python, in an environment of its own."""
    return install_old_flask(tmp_path_factory.mktemp("flask"))
