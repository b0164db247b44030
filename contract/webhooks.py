"""Webhooks about users: the request body, the ids of processed messages, and what they said last.

Senders repeat a message for days, with its id and a new signature. So each id is kept, and for each
email address the time of its newest message: a message that is older changes nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Delete, String, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from contract.schemas import MAX_EMAIL, UserInput
from contract.table import metadata, users

# Longer than senders retry (Svix: some 3 days), and than most offer to send again by hand.
REMEMBERED = timedelta(days=30)
EPOCH = datetime.fromtimestamp(0, UTC)
FORGET_AT_ONCE = 1000  # rows that one message deletes at most

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

webhook_subjects = Table(
    "webhook_subjects",
    metadata,
    Column("email", String(MAX_EMAIL), primary_key=True),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class WebhookBody(BaseModel):
    """The body of a webhook: the state of the user that has the email, at a time.

    Attributes:
        timestamp: when the user was so; Standard Webhooks recommends it. A retry has the same one,
            unlike the header ``webhook-timestamp``, which is the time of the attempt. UTC unless
            it says otherwise.
    """

    type: Literal["user.created", "user.updated"]
    timestamp: datetime | None = None
    data: UserInput

    def sent_at(self, attempted_at: datetime) -> datetime:
        """Return the time of the message, which is never later than the attempt to send it."""
        if self.timestamp is None:
            return attempted_at
        timestamp = self.timestamp
        if timestamp.tzinfo is None:
            timestamp = timestamp.replace(tzinfo=UTC)
        # Earlier times differ in nothing that matters, and the earliest have none in UTC.
        return max(EPOCH, min(timestamp, attempted_at)).astimezone(UTC)


def insert_message(dialect: str, message_id: str) -> ReturningInsert[str]:
    """Insert a message id and return it, or no row when it is known."""
    statement = INSERTS[dialect](webhook_messages).values(id=message_id)
    result: ReturningInsert[str] = statement.on_conflict_do_nothing().returning(
        webhook_messages.c.id
    )
    return result


def note_newest(dialect: str, email: str, sent_at: datetime) -> ReturningInsert[str]:
    """Note the time of a message about a user; return no row when a newer one is known.

    Until the commit, other messages about the user wait.
    """
    statement = INSERTS[dialect](webhook_subjects).values(email=email, sent_at=sent_at)
    new = statement.excluded
    result: ReturningInsert[str] = statement.on_conflict_do_update(
        index_elements=["email"],
        set_={"sent_at": new.sent_at, "received_at": func.now()},
        where=webhook_subjects.c.sent_at <= new.sent_at,
    ).returning(webhook_subjects.c.email)
    return result


def upsert_user(dialect: str, values: dict[str, str]) -> Any:
    """Insert the user, or rename the one that has the email."""
    statement = INSERTS[dialect](users).values(values)
    return statement.on_conflict_do_update(
        index_elements=["email"], set_={"name": statement.excluded.name}
    )


def forget(table: Table, before: datetime) -> Delete:
    """Delete some rows that were received before a time, without waiting for others that do."""
    (key,) = table.primary_key.columns
    old = select(key).where(table.c.received_at < before).limit(FORGET_AT_ONCE)
    return delete(table).where(key.in_(old.with_for_update(skip_locked=True)))
