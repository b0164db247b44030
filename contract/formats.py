"""Users as text, for exports: NDJSON and CSV."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

FIELDS = ("id", "name", "email")

# How cells begin that spreadsheets run; also in the full width of East Asian keyboards.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# Behind what some spreadsheets take for the border of two cells.
FORMULA_INSIDE = re.compile("([;|] *)(?=[=+@\uff1d\uff0b\uff0d\uff20-])")

Write = Callable[[Iterable[Sequence[Any]]], str]


def as_ndjson(rows: Iterable[Sequence[Any]]) -> str:
    """Write a JSON object a line."""
    documents = (dict(zip(FIELDS, row, strict=True)) for row in rows)
    return "".join(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
        for document in documents
    )


def as_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Write a line of comma-separated values for each (RFC 4180).

    A spreadsheet would run a cell that begins like a formula, so such a cell gets an apostrophe
    before it (OWASP, CSV Injection). NDJSON has every value as it is.
    """
    text = io.StringIO()
    csv.writer(text).writerows(map(disarm, row) for row in rows)
    return text.getvalue()


def disarm(value: Any) -> Any:
    """Return what a spreadsheet takes for text, whatever it takes for the end of a cell."""
    if not isinstance(value, str):
        return value
    text = FORMULA_INSIDE.sub(r"\1'", value)
    return f"'{text}" if text.startswith(FORMULAS) else text


# The head of the file, and how rows are written, by media type.
FORMATS: dict[str, tuple[str, Write]] = {
    "application/x-ndjson": ("", as_ndjson),
    "text/csv": ("id,name,email\r\n", as_csv),
}


def suffix_of(media_type: str) -> str:
    """Return the end of a file's name: ``ndjson`` or ``csv``."""
    return media_type.rpartition("/")[2].removeprefix("x-")
