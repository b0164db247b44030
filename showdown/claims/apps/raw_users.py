"""The statement of the list of users, for drivers without an ORM."""

from pydantic import MISSING

from contract.schemas import PageQuery

LIST_USERS = "SELECT id, name, email FROM users WHERE id > %s ORDER BY id LIMIT %s"


def parameters(query: PageQuery) -> tuple[int, int]:
    """Return the id before the page, and the number of rows with one of the next page."""
    return 0 if query.after is MISSING else query.after, query.limit + 1
