"""The source of an operation, and what it calls."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from framework_gateway.pages.source import calls_of, count_modules, source_of


def test_the_line_of_a_lambda_may_be_no_statement() -> None:
    views = {
        "first": lambda: None,
        "second": lambda: None,
    }
    source = source_of(views["second"])
    assert source is not None
    assert source.code.strip().startswith('"second": lambda')
    assert calls_of(views["second"], source.code) == []


@pytest.mark.parametrize("now", ["", "\n\ndef view(\n"])
def test_a_file_that_has_changed_is_no_error(tmp_path: Path, now: str) -> None:
    file = tmp_path / "changed.py"
    file.write_text("\n\ndef view():\n    return 1\n")
    module: dict[str, Any] = {"__name__": "changed"}
    exec(compile(file.read_text(), str(file), "exec"), module)
    assert source_of(module["view"]) is not None
    file.write_text(now)
    assert source_of(module["view"]) is None


def test_only_files_that_can_be_read_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "module.py").write_text("A = 1\n\n# B\n")
    package = ModuleType("counted_package")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "counted_package", package)
    assert count_modules("counted_package") == 1
