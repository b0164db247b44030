"""What path operations ask for."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession

from contract.schemas import MAX_ID, PageQuery, WaitQuery
from fastapi_app.feed import Feed

STREAMS = "bridge.streams"  # where the gateway counts them


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield the session of the request; it connects when first used."""
    async with request.app.state.sessionmaker() as session:
        yield session


def get_feed(connection: HTTPConnection) -> Feed:
    """Return the process's reader of events."""
    feed: Feed = connection.app.state.feed
    return feed


async def count_stream(request: Request) -> AsyncIterator[None]:
    """Count an answer without an end, as long as it lasts, where the gateway bounds their number.

    Raises:
        HTTPException: 503, there are too many.
    """
    streams = request.scope.get(STREAMS)
    with streams.open(request.scope) if streams is not None else nullcontext():
        yield


# The session is closed when the path operation returns, not after the answer is sent: a slow
# reader must not hold a connection.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
FeedDep = Annotated[Feed, Depends(get_feed)]
PageDep = Annotated[PageQuery, Query()]
WaitDep = Annotated[WaitQuery, Query()]
UserId = Annotated[int, Path(ge=1, le=MAX_ID)]
