"""Exports as background jobs: requested here, made by Django's workers."""

import asyncio
import logging
import os
from pathlib import Path
from stat import S_ISREG
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import FileResponse

from contract.access import PRIVATE
from contract.exports import ExportOrder, ExportState, insert_export, select_export, state_of
from contract.formats import suffix_of
from contract.problems import Problem
from fastapi_app.bodies import JSONRoute
from fastapi_app.db import commit, places_of, reading
from fastapi_app.dependencies import SessionDep
from fastapi_app.descriptions import (
    EXPORT,
    FILE_NAME,
    FILES,
    ONLY_FASTAPI,
    RETRY_AFTER,
    content_of,
)
from fastapi_app.openapi import problems

logger = logging.getLogger("fastapi_app")

router = APIRouter(prefix="/exports", tags=[ONLY_FASTAPI], route_class=JSONRoute)


@router.post(
    "",
    status_code=202,
    summary="Request an export",
    responses={202: {"headers": {"Location": EXPORT}}, **problems(403, 413, 415, 422)},
)
async def order_export(
    request: Request,
    response: Response,
    session: SessionDep,
    order: Annotated[ExportOrder, Body(default_factory=ExportOrder)],
) -> ExportState:
    """Request an export of all users; a worker makes it. The ``Location`` header has its state."""
    export_id = uuid4()
    async with places_of(session).async_committing():
        await session.execute(insert_export(export_id, order))
        await commit(session)
    response.headers.update(PRIVATE)
    response.headers["Location"] = request.url_for("get_export", export_id=export_id).path
    return ExportState(id=export_id, state="queued", done=0, total=None, result=None)


@router.get(
    "/{export_id:uuid}",
    summary="Follow an export",
    responses={200: {"headers": {"Retry-After": RETRY_AFTER}}, **problems(403, 404)},
)
async def get_export(
    request: Request, response: Response, session: SessionDep, export_id: UUID
) -> ExportState:
    """Return the state of an export."""
    async with reading(session):
        row = (await session.execute(select_export(export_id))).one_or_none()
    if row is None:
        raise Problem(404, "There is no such export.")
    response.headers.update(PRIVATE)
    state = state_of(row)
    if state in ("queued", "running"):
        response.headers["Retry-After"] = "1"
    result = None
    if state == "finished":
        result = request.url_for("get_export_result", export_id=export_id).path
    return ExportState(id=row.id, state=state, done=row.done, total=row.total, result=result)


@router.get(
    "/{export_id:uuid}/result",
    response_class=FileResponse,
    summary="Download an export",
    responses={200: content_of("All users.", FILES, FILE_NAME), **problems(403, 404)},
)
async def get_export_result(request: Request, session: SessionDep, export_id: UUID) -> FileResponse:
    """Send the file of a finished export."""
    async with reading(session):
        row = (await session.execute(select_export(export_id))).one_or_none()
    if row is None or not row.file:
        raise Problem(404, "There is no such export, or it is not finished.")
    path = request.app.state.files_dir / row.file
    status = await asyncio.to_thread(status_of, path)
    if status is None:
        logger.warning("The file of the export %s is missing", export_id)
        raise Problem(404, "The file of this export is missing.")
    return FileResponse(
        path,
        stat_result=status,
        headers=PRIVATE,
        media_type=row.media_type,
        filename=f"users.{suffix_of(row.media_type)}",
    )


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of a regular file; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status if S_ISREG(status.st_mode) else None
