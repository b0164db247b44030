"""Users as text, for exports: NDJSON and CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

FIELDS = ("id", "name", "email")

Write = Callable[[Iterable[Sequence[Any]]], str]


def as_ndjson(rows: Iterable[Sequence[Any]]) -> str:
    """Write a JSON object a line."""
    documents = (dict(zip(FIELDS, row, strict=True)) for row in rows)
    return "".join(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
        for document in documents
    )


def as_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Write a line of comma-separated values for each (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# The head of the file, and how rows are written, by media type.
FORMATS: dict[str, tuple[str, Write]] = {
    "application/x-ndjson": ("", as_ndjson),
    "text/csv": ("id,name,email\r\n", as_csv),
}


def suffix_of(media_type: str) -> str:
    """Return the end of a file's name: ``ndjson`` or ``csv``."""
    return media_type.rpartition("/")[2].removeprefix("x-")
