"""What happens to users, as it happens: server-sent events, and the same over WebSocket."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse, ServerSentEvent

from contract.engines import UNAVAILABLE
from contract.schemas import MAX_ID
from fastapi_app.dependencies import FeedDep, count_stream
from fastapi_app.feed import Feed, TooSlow

logger = logging.getLogger("fastapi_app")

# The OpenAPI document is the contract of the three, and these are FastAPI's alone.
router = APIRouter(prefix="/users", include_in_schema=False)

EventId = Annotated[int | None, Query(ge=0, le=MAX_ID)]
LastEventId = Annotated[int | None, Header(ge=0, le=MAX_ID)]

ENDS_WITH_SERVER = "bridge.event_stream"
TRY_AGAIN = 1013  # RFC 6455's registry: Try Again Later
UNEXPECTED = 1003  # RFC 6455, 7.4.1: data of a kind that is not accepted
ORIGIN = re.compile(r"(https?)://([^/?#@]+)", re.IGNORECASE)  # RFC 6454, 6.1
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
SEND_TIMEOUT = 30.0  # seconds until a WebSocket that nobody reads is closed
RETRY = 1000  # milliseconds until a browser connects again


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(count_stream)])
async def stream_events(
    request: Request, feed: FeedDep, after: EventId = None, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Send every change from now on, or after the event that ``Last-Event-ID`` names."""
    # The gateway's server ends it when it stops; other streams, which have an end, it waits for.
    request.scope[ENDS_WITH_SERVER] = True
    after = after if last_event_id is None else last_event_id
    try:
        async with feed.listening(after) as events:
            yield ServerSentEvent(comment="connected", retry=RETRY)
            async for event in events:
                yield ServerSentEvent(data=event, id=str(event.id))
    except TooSlow:
        # The browser connects again and goes on after the last event that it has seen.
        logger.warning("A reader of the events was too slow and has been cut off")
    except UNAVAILABLE as error:
        # So it does then, and is told 503 until the database is back.
        logger.error("The database cannot be used: %s", error)


@router.websocket("/live")
async def live(websocket: WebSocket, feed: FeedDep, after: EventId = None) -> None:
    """Send the same over WebSocket, one event a message; a client is to send none."""
    if is_foreign(websocket):
        return await websocket.close()
    await websocket.accept()
    ways = [
        asyncio.create_task(wait_for_goodbye(websocket)),
        asyncio.create_task(send_events(websocket, feed, after)),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        # Also what fails when it is told to stop: nobody is left to hear of it.
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        # A client may also leave while something is sent.
        with suppress(WebSocketDisconnect):
            way.result()  # raises what has failed, so that the server closes and logs it


def is_foreign(websocket: WebSocket) -> bool:
    """Tell whether another site's page asks: browsers leave that to servers (RFC 6455, 10.2).

    A page of HTTPS may ask by HTTP, where a proxy before the server has ended its encryption; a
    page of HTTP may not ask by HTTPS.
    """
    origin = websocket.headers.get("origin")
    if origin is None:
        return False
    found = ORIGIN.fullmatch(origin)
    if found is None:
        return True
    scheme, host = found[1].lower(), found[2].lower()
    port = DEFAULT_PORTS[scheme]
    own_host = websocket.headers.get("host", "").lower()
    is_same_host = host.removesuffix(port) == own_host.removesuffix(port)
    return not is_same_host or (scheme == "http" and websocket.url.scheme == "wss")


async def wait_for_goodbye(websocket: WebSocket) -> None:
    """Wait until the client leaves; one that sends something is disconnected."""
    if (await websocket.receive())["type"] != "websocket.disconnect":
        await websocket.close(UNEXPECTED)


async def send_events(websocket: WebSocket, feed: Feed, after: int | None) -> None:
    """Send until the client is too slow, or this is cancelled because it has left."""
    try:
        async with feed.listening(after) as events:
            async for event in events:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await websocket.send_text(event.model_dump_json())
    except (TooSlow, TimeoutError):
        logger.warning("A reader of the events was too slow and has been cut off")
        await websocket.close(TRY_AGAIN)
    except UNAVAILABLE as error:
        logger.error("The database cannot be used: %s", error)
        await websocket.close(TRY_AGAIN)
