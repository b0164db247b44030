"""SECURITY.md names an existing test for every promise."""

import re

import pytest

from tests.servers import ROOT

DOCUMENT = (ROOT / "SECURITY.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", DOCUMENT)
ROWS = [line for line in DOCUMENT.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_named_test_exists(file: str, test: str) -> None:
    source = (ROOT / file).read_text()
    assert re.search(rf"\n(async )?def {test or 'test_'}", source)


@pytest.mark.parametrize("row", ROWS)
def test_every_promise_names_a_test(row: str) -> None:
    assert "`tests/" in row.split("|")[2]


def test_every_named_file_exists() -> None:
    files = re.findall(r"`((?:contract|framework_gateway|\w+_app)/[\w/.]*)`", DOCUMENT)
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
