"""Webhooks about users: their body, and the ids that have been processed."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Delete, Insert, String, Table, delete, func, insert, update
from sqlalchemy.sql.dml import ReturningUpdate

from contract.schemas import UserInput
from contract.table import PublicRow, metadata, public, users

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class WebhookBody(BaseModel):
    """What a webhook says: the user as it is now, known by its email."""

    type: Literal["user.created", "user.updated"]
    data: UserInput


def insert_message(message_id: str) -> Insert:
    """Insert a message's id; one that is there already violates the primary key."""
    return insert(webhook_messages).values(id=message_id)


def delete_messages(before: datetime) -> Delete:
    """Delete the ids that need not be known any more."""
    return delete(webhook_messages).where(webhook_messages.c.received_at < before)


def rename_user(email: str, name: str) -> ReturningUpdate[PublicRow]:
    """Change the name of the user with an email; return the row, or none."""
    return update(users).where(users.c.email == email).values(name=name).returning(*public)
