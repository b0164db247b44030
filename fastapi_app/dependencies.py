"""The dependencies and parameters of the path operations."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession

from contract.schemas import MAX_ID, PageQuery, WaitQuery
from fastapi_app.db import get_session
from fastapi_app.feed import Feed

STREAMS = "bridge.streams"  # the scope key of the gateway's stream counter


def get_feed(connection: HTTPConnection) -> Feed:
    """Return the process's reader of events."""
    feed: Feed = connection.app.state.feed
    return feed


async def count_stream(request: Request) -> AsyncIterator[None]:
    """Count an endless response while it is being sent, if the gateway limits such responses.

    Raises:
        HTTPException: 503, the limit is reached.
    """
    streams = request.scope.get(STREAMS)
    with streams.open(request.scope) if streams is not None else nullcontext():
        yield


# The session closes when the path operation returns, not when the response has been sent, so that
# a slow client does not hold a connection.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
FeedDep = Annotated[Feed, Depends(get_feed)]
PageDep = Annotated[PageQuery, Query()]
WaitDep = Annotated[WaitQuery, Query()]
UserId = Annotated[
    int,
    Path(
        ge=1,
        le=MAX_ID,
        description="The id of the user.",
        examples=[1],
        json_schema_extra={"format": "int64"},
    ),
]
