"""CSV exports contain nothing that a spreadsheet would execute."""

import csv
import io
import json

import pytest

from contract.formats import FORMATS

FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff201"),
]


@pytest.mark.parametrize("value", FORMULAS)
def test_formulas_are_exported_as_text(value: str) -> None:
    row = (1, f'{value}","=2', value)
    [cells] = csv.reader(io.StringIO(FORMATS["text/csv"][1]([row]), newline=""))
    assert cells == ["1", f'\'{value}","=2', f"'{value}"]
    document = json.loads(FORMATS["application/x-ndjson"][1]([row]))
    assert document == dict(zip(("id", "name", "email"), row, strict=True))


def test_formulas_after_other_separators_are_disarmed() -> None:
    row = (1, "Bob;=A1|@B2; +3;4|a-b", "x")
    [cells] = csv.reader(io.StringIO(FORMATS["text/csv"][1]([row]), newline=""))
    assert cells == ["1", "Bob;'=A1|'@B2; '+3;4|a-b", "x"]


@pytest.mark.parametrize("value", ["Alice", "O'Hara", "a=b", "", "'=1"])
def test_other_values_are_unchanged(value: str) -> None:
    [cells] = csv.reader(io.StringIO(FORMATS["text/csv"][1]([(-1, value, value)]), newline=""))
    assert cells == ["-1", value, value]
