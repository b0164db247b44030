"""Fixtures: the applications, as files."""

from pathlib import Path

import pytest

from tests.processes.applications import write_applications


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """A directory with the applications."""
    return write_applications(tmp_path)
