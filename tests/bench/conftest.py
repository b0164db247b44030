"""What the tests of the benchmark need."""

import shutil

import pytest

from tests.databases import missing


@pytest.fixture
def wrk() -> None:
    if not shutil.which("wrk"):
        missing("wrk is not installed (Debian: apt-get install wrk)")
