"""Which tests of moves run a gateway of their own."""

from pathlib import Path

import pytest

from tests.sampling import leave_out_rest, uses


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that start programs take seconds, so `make test` runs half of them."""
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    programs = [item for item in here if item.path.name in ("test_commands.py", "test_trouble.py")]
    start = frozenset({"directory", "origin", "tmp_path"})
    leave_out_rest([item for item in programs if uses(item, start)], 2)
