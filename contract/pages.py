"""Keyset paging: the link to the next page (RFC 8288)."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import MISSING

from contract.schemas import PageQuery

Row = TypeVar("Row")


def split_page(rows: Sequence[Row], query: PageQuery) -> tuple[Sequence[Row], bool]:
    """Split ``limit + 1`` fetched rows: return the page, and whether more rows exist."""
    return rows[: query.limit], len(rows) > query.limit


def next_link(path: str, query: PageQuery, last_id: int) -> str:
    """Return the value of the Link header for the page after ``last_id``.

    Args:
        path: the path of the list with its prefix, such as ``/flask/api/users``.
    """
    parameters: dict[str, Any] = {"limit": query.limit, "after": last_id}
    if query.search is not MISSING:
        parameters["search"] = query.search
    return f'<{path}?{urlencode(parameters)}>; rel="next"'
