"""The source of an operation, and what it calls."""

import importlib
import linecache
from pathlib import Path

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
def test_a_file_that_has_changed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "changed_since.py"
    file.write_text("\n\ndef view():\n    return 1\n")
    view = importlib.import_module("changed_since").view
    assert source_of(view) is not None
    file.write_text(now)
    linecache.checkcache()
    assert source_of(view) is None


def test_only_files_that_can_be_read_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "counted_package"
    (package / "folder.py").mkdir(parents=True)
    (package / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (package / "__init__.py").write_text("A = 1\n\n# B\n")
    importlib.import_module("counted_package")
    assert count_modules("counted_package") == 1
