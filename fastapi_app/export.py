"""All users in one response, streamed in constant memory."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import StreamingResponse

from contract.formats import FORMATS, suffix_of
from contract.problems import Problem
from contract.table import select_after

router = APIRouter(prefix="/users", include_in_schema=False)

PAGE = 2000  # users in one query; no connection is held between queries, while the client reads


@router.get("/export")
async def export_users(
    request: Request, accept: Annotated[str, Header()] = "*/*"
) -> StreamingResponse:
    """Stream all users as NDJSON or CSV, whichever the Accept header prefers."""
    media_type = choose(accept)
    head, write = FORMATS[media_type]

    async def pages() -> AsyncIterator[str]:
        if head:
            yield head
        last = 0
        while True:
            async with request.app.state.sessionmaker() as session:
                rows = (await session.execute(select_after(last, PAGE))).all()
            if not rows:
                return
            last = rows[-1].id
            yield write(rows)

    name = f"users.{suffix_of(media_type)}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",  # the response has the personal data of all users
        "Vary": "Accept",
    }
    return StreamingResponse(pages(), media_type=media_type, headers=headers)


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
