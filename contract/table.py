"""The users table as SQLAlchemy sees it, and the statements that Flask and FastAPI share.

Django's migrations own the table; a test compares this description with what they made.
"""

from collections.abc import Mapping

from pydantic import MISSING
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from contract.schemas import MAX_EMAIL, MAX_NAME, PageQuery

metadata = MetaData()

users = Table(
    "users",
    metadata,
    # SQLite numbers rows by itself only for a column of the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("name", String(MAX_NAME), nullable=False),
    Column("email", String(MAX_EMAIL), nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# What an answer shows, in its order. Columns and not entities: nothing here tracks changes.
public = (users.c.id, users.c.name, users.c.email)

PublicRow = tuple[int, str, str]


def select_page(query: PageQuery) -> Select[PublicRow]:
    """Select a page by keyset, and one row more to know whether another page follows."""
    statement = select(*public).order_by(users.c.id).limit(query.limit + 1)
    if query.after is not MISSING:
        statement = statement.where(users.c.id > query.after)
    if query.search is not MISSING:
        needle = query.search.lower()
        statement = statement.where(
            or_(
                func.lower(users.c.name).contains(needle, autoescape=True),
                users.c.email.contains(needle, autoescape=True),
            )
        )
    return statement


def select_after(user_id: int, limit: int) -> Select[PublicRow]:
    """Select the users after the one with an id."""
    return select(*public).where(users.c.id > user_id).order_by(users.c.id).limit(limit)


def select_user(user_id: int) -> Select[PublicRow]:
    """Select one user."""
    return select(*public).where(users.c.id == user_id)


def insert_user(values: Mapping[str, str]) -> ReturningInsert[PublicRow]:
    """Insert a user and return the row; a taken email violates the unique constraint."""
    return insert(users).values(values).returning(*public)


def update_user(user_id: int, values: Mapping[str, str]) -> ReturningUpdate[PublicRow]:
    """Change a user and return the row, or none when there is no such user."""
    return update(users).where(users.c.id == user_id).values(values).returning(*public)


def delete_user(user_id: int) -> ReturningDelete[int]:
    """Delete a user and return its id, or none when there is no such user."""
    return delete(users).where(users.c.id == user_id).returning(users.c.id)
