"""Webhooks about users: the request body, and the table of processed message ids."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Delete, Insert, String, Table, delete, func, insert, update
from sqlalchemy.sql.dml import ReturningUpdate

from contract.schemas import UserInput
from contract.table import metadata, public, users

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class WebhookBody(BaseModel):
    """The body of a webhook: the current state of the user that has the email."""

    type: Literal["user.created", "user.updated"]
    data: UserInput


def insert_message(message_id: str) -> Insert:
    """Insert a message id; a known id violates the primary key."""
    return insert(webhook_messages).values(id=message_id)


def delete_messages(before: datetime) -> Delete:
    """Delete the ids that were received before a time."""
    return delete(webhook_messages).where(webhook_messages.c.received_at < before)


def rename_user(email: str, name: str) -> ReturningUpdate[int, str, str]:
    """Rename the user that has the email; return the row, or no row."""
    return update(users).where(users.c.email == email).values(name=name).returning(*public)
