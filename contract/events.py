"""The events of users: the outbox table, which triggers of the database fill, and its schema.

Every change of the users table writes its event in the same transaction, whichever application
makes the change. Events become visible in the order of their ids: once a reader sees an event, no
earlier one appears later.

On PostgreSQL, the triggers write to another table, so that writers do not wait for each other.
``NUMBER_EVENTS`` moves what is committed to the outbox, and gives it ids. Gateways with listeners
and workers execute it again and again.
"""

from collections.abc import Collection
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
    cast,
    func,
    select,
)

from contract.schemas import INT64, MAX_EMAIL, MAX_ID, MAX_NAME, UserPublic
from contract.table import metadata

CHANNEL = "user_events"  # gateways of the previous version wait for notifications on it

# PostgreSQL's tables of events without an id, and the statement, in a transaction of its own. It
# returns the id of the newest event (null while another process numbers events), and whether more
# events are pending than it takes. It looks only where events can be, unless the parameter is true:
# the numbering of another server, from which a backup came, may hide them.
NUMBERING_TABLES = ("pending_user_events", "user_event_numbering")
NUMBER_EVENTS = "SELECT newest, more FROM number_user_events(%s)"

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


Mark = Row[int, str, int]


class UserEvent(BaseModel):
    """One change: the action, the user after it, the framework that made it, and the time."""

    id: Annotated[int, Field(ge=1, le=MAX_ID, json_schema_extra=INT64)]
    at: datetime
    action: Literal["created", "changed", "deleted"]
    framework: str
    user: UserPublic

    @classmethod
    def from_row(cls, row: Row[Any]) -> "UserEvent":
        """Create an event from a row."""
        user = UserPublic(id=row.user_id, name=row.name, email=row.email)
        return cls(id=row.id, at=row.at, action=row.action, framework=row.framework, user=user)


class Reset(BaseModel):
    """What a listener is told when the events that it should go on from are gone.

    A restored backup, a truncated table or deleted events are the reasons. The listener must read
    the users again; it then continues with the events after this id.
    """

    id: Annotated[int, Field(ge=0, le=MAX_ID)]
    action: Literal["reset"] = "reset"


def select_events(after: int, limit: int) -> Select[Any]:
    """Select the events whose id is larger, oldest first."""
    return (
        select(user_events).where(user_events.c.id > after).order_by(user_events.c.id).limit(limit)
    )


def select_event_ids(after: int, limit: int) -> Select[int]:
    """Select the ids of these events alone."""
    ids = select(user_events.c.id).where(user_events.c.id > after)
    return ids.order_by(user_events.c.id).limit(limit)


def select_range() -> Select[int, int]:
    """Select the ids of the oldest and of the newest event; nulls when there is no event."""
    return select(func.min(user_events.c.id), func.max(user_events.c.id))


def select_marks(event_ids: Collection[int]) -> Select[int, str, int]:
    """Select what tells each event from another one that has its id after a restore.

    The time is selected as text, because a script may have written one that cannot be read.
    """
    columns = (user_events.c.id, cast(user_events.c.at, String), user_events.c.user_id)
    return select(*columns).where(user_events.c.id.in_(event_ids))
