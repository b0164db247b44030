"""The verdicts as a document: of the last run on this machine, or else of the published run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contract.settings import VAR_DIR

FORMAT = "gateway claims 2"
DATABASES = ("SQLite", "PostgreSQL")
LAST = VAR_DIR / "claims.json"
PUBLISHED = Path(__file__).resolve().parent.parent / "results" / "claims.json"


def load_latest() -> dict[str, Any] | None:
    """Return the last run on this machine, else the published run, else None.

    Returns:
        ``{"format", "quick", "manifest", "claims": [{"name", "quote", "rule", "verdict",
        "databases": {"SQLite": verdict}, "conditions": [{"name", "database", "state", "at_least",
        "unit", "exact", "values", "median", "interval"}], "figures", "left_out", "command",
        "link"}]}``, with ``"published": bool`` added. The interval is null if there were too few
        rounds; the database is null if the requests use none.
    """
    for file in (LAST, PUBLISHED):
        if document := read(file):
            return {**document, "published": file == PUBLISHED}
    return None


def read(file: Path) -> dict[str, Any] | None:
    """Return the document in a file; None if the file is missing or of another version."""
    try:
        document = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    return document


def full_name(condition: Mapping[str, Any]) -> str:
    """Return the name of a condition with its database."""
    name, database = condition["name"], condition["database"]
    return f"{name} ({database})" if database else name
