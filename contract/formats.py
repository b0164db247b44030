"""The text formats of exports: NDJSON and CSV."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

FIELDS = ("id", "name", "email")

# A spreadsheet runs a cell that starts with one of these, or with the full-width form that East
# Asian keyboards write.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# The same after a character that some spreadsheets use to separate cells.
FORMULA_INSIDE = re.compile("([;|] *)(?=[=+@\uff1d\uff0b\uff0d\uff20-])")

Write = Callable[[Iterable[Sequence[Any]]], str]


def as_ndjson(rows: Iterable[Sequence[Any]]) -> str:
    """Return one line with a JSON object for each row."""
    documents = (dict(zip(FIELDS, row, strict=True)) for row in rows)
    return "".join(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
        for document in documents
    )


def as_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return one line of comma-separated values for each row (RFC 4180).

    A spreadsheet would run a cell that starts like a formula, so such a cell gets an apostrophe
    before it (OWASP, CSV Injection). NDJSON has the unchanged values.
    """
    text = io.StringIO()
    csv.writer(text).writerows(map(disarm, row) for row in rows)
    return text.getvalue()


def disarm(value: Any) -> Any:
    """Return the value such that a spreadsheet reads it as text, whichever separator it uses."""
    if not isinstance(value, str):
        return value
    text = FORMULA_INSIDE.sub(r"\1'", value)
    return f"'{text}" if text.startswith(FORMULAS) else text


# The first line of the file and the function that formats rows, by media type.
FORMATS: dict[str, tuple[str, Write]] = {
    "application/x-ndjson": ("", as_ndjson),
    "text/csv": ("id,name,email\r\n", as_csv),
}


def suffix_of(media_type: str) -> str:
    """Return the file name extension: ``ndjson`` or ``csv``."""
    return media_type.rpartition("/")[2].removeprefix("x-")
