"""Exports as background jobs: requested in a shared table, made by Django's workers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import (
    Column,
    DateTime,
    Insert,
    Integer,
    Row,
    Select,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
)

from contract.table import metadata

exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("media_type", String(50), nullable=False),
    Column("ordered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("task_id", Uuid),
    Column("total", Integer),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("file", String(200), nullable=False, server_default=""),
    Column("finished_at", DateTime(timezone=True)),
    Column("error", String(200), nullable=False, server_default=""),
)


class ExportOrder(BaseModel):
    """The body of a request for an export."""

    media_type: Literal["application/x-ndjson", "text/csv"] = "application/x-ndjson"


class ExportState(BaseModel):
    """The state of an export.

    ``total`` is null until the export has started, and ``result`` until it has finished.
    """

    id: UUID
    state: Literal["queued", "running", "finished", "failed"]
    done: Annotated[int, Field(ge=0, description="Users exported so far.")]
    total: Annotated[int | None, Field(description="Users to export.")]
    result: Annotated[
        str | None,
        Field(description="The path of the file.", json_schema_extra={"format": "uri-reference"}),
    ]


def insert_export(export_id: UUID, order: ExportOrder) -> Insert:
    """Insert a requested export."""
    return insert(exports).values(id=export_id, media_type=order.media_type)


def select_export(export_id: UUID) -> Select[Any]:
    """Select one export."""
    return select(exports).where(exports.c.id == export_id)


def state_of(row: Row[Any]) -> Literal["queued", "running", "finished", "failed"]:
    """Return the state of an export."""
    finished: datetime | None = row.finished_at
    if finished is not None:
        return "failed" if row.error else "finished"
    return "queued" if row.total is None else "running"
