"""A directory for gateway.toml, and a process that forgets what a test has set."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework_gateway.cli.file.variables import export
from framework_gateway.config import get_config


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory; the environment has no settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", [*sys.path])
    get_config.cache_clear()
    # The project has a gateway.py of its own, and other tests import this checkout's.
    monkeypatch.delitem(sys.modules, "gateway", raising=False)
    modules = {*sys.modules}
    yield tmp_path
    export({})
    get_config.cache_clear()
    for name in sys.modules.keys() - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]
