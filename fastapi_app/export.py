"""All users in one response: as of one moment, and streamed in constant memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.responses import StreamingResponse

from contract.formats import FORMATS, suffix_of
from contract.problems import Problem
from contract.table import select_after
from fastapi_app.db import snapshot
from fastapi_app.descriptions import FILE_NAME, FILES, ONLY_FASTAPI, content_of
from fastapi_app.openapi import problems

router = APIRouter(prefix="/users", tags=[ONLY_FASTAPI])

PAGE = 2000  # users in one query

Sessions = async_sessionmaker[AsyncSession]
Write = Callable[[Any], str]


@router.get(
    "/export",
    response_class=StreamingResponse,
    summary="Download all users",
    responses={200: content_of("All users.", FILES, FILE_NAME), **problems(406)},
)
async def export_users(
    request: Request, accept: Annotated[str, Header(include_in_schema=False)] = "*/*"
) -> StreamingResponse:
    """Stream all users as NDJSON or CSV, whichever the Accept header prefers."""
    media_type = choose(accept)
    head, write = FORMATS[media_type]

    name = f"users.{suffix_of(media_type)}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",  # the response has the personal data of all users
        "Vary": "Accept",
    }
    pages = stream(request.app.state.sessionmaker, head, write)
    return StreamingResponse(pages, media_type=media_type, headers=headers)


async def stream(sessionmaker: Sessions, head: str, write: Write) -> AsyncIterator[bytes]:
    """Yield the head and all users, as fast as the client reads.

    The users go through a temporary file. A slow client then holds no connection, and no
    transaction, which would keep SQLite's log and PostgreSQL's old rows from being cleaned up.
    """
    if head:
        yield head.encode()
    lengths: asyncio.Queue[int] = asyncio.Queue()
    with TemporaryFile(buffering=0) as file:
        copying = asyncio.create_task(copy_users(sessionmaker, write, file, lengths))
        try:
            position = 0
            while length := await lengths.get():
                yield await to_thread.run_sync(os.pread, file.fileno(), length, position)
                position += length
            await copying  # raises the error that ended it early
        finally:
            copying.cancel()
            await asyncio.wait([copying])


async def copy_users(
    sessionmaker: Sessions, write: Write, file: IO[bytes], lengths: asyncio.Queue[int]
) -> None:
    """Write all users to a file, from one transaction.

    Args:
        file: unbuffered.
        lengths: gets the number of bytes of each page, and 0 at the end.
    """
    last = 0
    try:
        async with snapshot(sessionmaker) as session:
            while rows := (await session.execute(select_after(last, PAGE))).all():
                last = rows[-1].id
                page = write(rows).encode()
                await to_thread.run_sync(file.write, page)
                lengths.put_nowait(len(page))
    finally:
        lengths.put_nowait(0)


def choose(accept: str) -> str:
    """Return the format that an Accept header prefers (RFC 9110, 12.5.1).

    Starlette does not parse Accept. Werkzeug does, but it belongs to Flask: FastAPI does not
    install it.

    Raises:
        Problem: 406, the header accepts none of the formats.
    """
    weights = dict(map(weight_of, accept.split(",")))

    def weight(media_type: str) -> float:
        kind = media_type.partition("/")[0]
        found = (weights.get(one) for one in (media_type, f"{kind}/*", "*/*"))
        return next((value for value in found if value is not None), 0.0)

    best = max(FORMATS, key=weight)
    if not weight(best):
        raise Problem(406, f"This is served as {' or '.join(FORMATS)}.")
    return best


def weight_of(part: str) -> tuple[str, float]:
    """Parse one media range of an Accept header and its weight."""
    media_type, _, parameters = part.partition(";")
    weight = 1.0
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
    return media_type.strip().lower(), weight
