"""The events of users: the outbox table, which triggers of the database fill, and its schema.

Every change of the users table writes its event in the same transaction, whichever application
makes the change. Events become visible in the order of their ids: once a reader sees an event, no
earlier one appears later.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    Row,
    Select,
    String,
    Table,
    func,
    select,
)

from contract.schemas import MAX_EMAIL, MAX_ID, MAX_NAME, UserPublic
from contract.table import metadata

CHANNEL = "user_events"  # PostgreSQL sends a notification on it with each commit

user_events = Table(
    "user_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("action", String(7), nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("name", String(MAX_NAME), nullable=False),
    Column("email", String(MAX_EMAIL), nullable=False),
    Column("framework", String(63), nullable=False),
)


class UserEvent(BaseModel):
    """One change: the action, the user after it, the framework that made it, and the time."""

    id: Annotated[int, Field(ge=1, le=MAX_ID)]
    at: datetime
    action: Literal["created", "changed", "deleted"]
    framework: str
    user: UserPublic

    @classmethod
    def from_row(cls, row: Row[Any]) -> "UserEvent":
        """Create an event from a row."""
        user = UserPublic(id=row.user_id, name=row.name, email=row.email)
        return cls(id=row.id, at=row.at, action=row.action, framework=row.framework, user=user)


def select_events(after: int, limit: int) -> Select[Any]:
    """Select the events whose id is larger, oldest first."""
    return (
        select(user_events).where(user_events.c.id > after).order_by(user_events.c.id).limit(limit)
    )


def select_event_ids(after: int, limit: int) -> Select[int]:
    """Select the ids of these events alone."""
    ids = select(user_events.c.id).where(user_events.c.id > after)
    return ids.order_by(user_events.c.id).limit(limit)


def select_last_event() -> Select[int]:
    """Select the id of the newest event, or null when there is no event."""
    return select(func.max(user_events.c.id))
