"""The users table in SQLAlchemy, and the statements that Flask and FastAPI share.

Django's migrations own the table; a test compares this description with the migrated table.
"""

from collections.abc import Mapping

from pydantic import MISSING
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    TextualSelect,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from contract.schemas import MAX_EMAIL, MAX_NAME, PageQuery
from contract.searching import Search

metadata = MetaData()

users = Table(
    "users",
    metadata,
    # SQLite assigns ids only to a column of the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("name", String(MAX_NAME), nullable=False),
    Column("email", String(MAX_EMAIL), nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # Name, line feed, email, without the differences of case; triggers of the database keep it.
    Column("folded", Text, nullable=False, server_default=""),
    CheckConstraint("id > 0", name="users_id_positive"),
)

# The columns of a user in a response, in this order. The applications select columns and not ORM
# entities, because nothing has to track changes.
public = (users.c.id, users.c.name, users.c.email)

UserRow = Row[int, str, str]


def select_page(query: PageQuery, dialect: str) -> Select[int, str, str] | TextualSelect:
    """Select a page by keyset, and one more row that tells whether another page follows.

    Args:
        dialect: the name of the database's dialect; searches differ.
    """
    after = 0 if query.after is MISSING else query.after
    # Every user has the empty needle. No needle has a line feed, so none spans name and email.
    if query.search is MISSING or not query.search:
        return select_after(after, query.limit + 1)
    search = Search.of(dialect, [query.search], after, query.limit + 1)
    statement = text(search.statement(":{}".format)).bindparams(**search.parameters())
    return statement.columns(*public)


def select_after(user_id: int, limit: int) -> Select[int, str, str]:
    """Select the users whose id is larger."""
    return select(*public).where(users.c.id > user_id).order_by(users.c.id).limit(limit)


def select_user(user_id: int) -> Select[int, str, str]:
    """Select one user."""
    return select(*public).where(users.c.id == user_id)


def insert_user(values: Mapping[str, str]) -> ReturningInsert[int, str, str]:
    """Insert a user and return the row; a duplicate email violates the unique constraint."""
    return insert(users).values(values).returning(*public)


def update_user(user_id: int, values: Mapping[str, str]) -> ReturningUpdate[int, str, str]:
    """Update a user and return the row, or no row when the user does not exist."""
    return update(users).where(users.c.id == user_id).values(values).returning(*public)


def delete_user(user_id: int) -> ReturningDelete[int]:
    """Delete a user and return the id, or no row when the user does not exist."""
    return delete(users).where(users.c.id == user_id).returning(users.c.id)
