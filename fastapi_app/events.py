"""A live stream of the changes of users, as server-sent events and over WebSocket."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse, ServerSentEvent

from contract.engines import UNAVAILABLE
from contract.events import Reset
from contract.schemas import INT64, MAX_ID
from fastapi_app.dependencies import FeedDep, count_stream
from fastapi_app.descriptions import EVENT_STREAM, ONLY_FASTAPI
from fastapi_app.feed import Feed
from fastapi_app.openapi import problems

logger = logging.getLogger("fastapi_app")

router = APIRouter(prefix="/users", tags=[ONLY_FASTAPI])

EventId = Annotated[
    int | None,
    Query(ge=0, le=MAX_ID, description="Begin after this event.", json_schema_extra={**INT64}),
]
LastEventId = Annotated[
    int | None,
    Header(
        ge=0,
        le=MAX_ID,
        description="Browsers send it when they reconnect; it takes precedence over `after`.",
        json_schema_extra={**INT64},
    ),
]

ENDS_WITH_SERVER = "bridge.event_stream"
TRY_AGAIN = 1013  # IANA registry of RFC 6455: Try Again Later
UNSUPPORTED_DATA = 1003  # RFC 6455, 7.4.1
ORIGIN = re.compile(r"(https?)://([^/?#@]+)", re.IGNORECASE)  # RFC 6454, 6.1
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
SEND_TIMEOUT = 30.0  # seconds after which a WebSocket whose client does not read is closed
RETRY = 1000  # milliseconds before a browser reconnects


@router.get(
    "/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(count_stream)],
    summary="Listen to changes (server-sent events)",
    responses={200: EVENT_STREAM, **problems(422)},
)
async def stream_events(
    request: Request, feed: FeedDep, after: EventId = None, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Send every change from now on, or after the event that ``Last-Event-ID`` names.

    An event of the type ``reset`` comes where events are missing; see ``contract.events.Reset``.
    """
    # When the gateway's server stops, it ends this stream. It waits for streams that have an end.
    request.scope[ENDS_WITH_SERVER] = True
    after = after if last_event_id is None else last_event_id
    try:
        async with feed.listening(after) as events:
            yield ServerSentEvent(comment="connected", retry=RETRY)
            async for event in events:
                kind = "reset" if isinstance(event, Reset) else None
                yield ServerSentEvent(data=event, id=str(event.id), event=kind)
    except UNAVAILABLE as error:
        # The browser reconnects, too, and gets 503 until the database is back.
        logger.error("The database cannot be used: %s", error)


@router.websocket("/live")
async def live(websocket: WebSocket, feed: FeedDep, after: EventId = None) -> None:
    """Send the same events over WebSocket, one event a message; the client must send nothing."""
    if is_foreign(websocket):
        return await websocket.close()
    await websocket.accept()
    tasks = [
        asyncio.create_task(wait_for_disconnect(websocket)),
        asyncio.create_task(send_events(websocket, feed, after)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # Errors during the cancellation do not matter: the connection is over.
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        # The client may disconnect while an event is being sent.
        with suppress(WebSocketDisconnect):
            task.result()  # raises the task's error, so that the server closes and logs it


def is_foreign(websocket: WebSocket) -> bool:
    """Return whether a page of another site connects: the server must check it (RFC 6455, 10.2).

    An HTTPS page may connect by HTTP, because a proxy may have terminated TLS. An HTTP page may not
    connect by HTTPS.
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


async def wait_for_disconnect(websocket: WebSocket) -> None:
    """Wait until the client disconnects; disconnect a client that sends data."""
    if (await websocket.receive())["type"] != "websocket.disconnect":
        await websocket.close(UNSUPPORTED_DATA)


async def send_events(websocket: WebSocket, feed: Feed, after: int | None) -> None:
    """Send events until the client stops reading or this task is cancelled."""
    try:
        async with feed.listening(after) as events:
            async for event in events:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await websocket.send_text(event.model_dump_json())
    except TimeoutError:
        logger.warning("A client of the event stream was too slow and was disconnected")
        await websocket.close(TRY_AGAIN)
    except UNAVAILABLE as error:
        logger.error("The database cannot be used: %s", error)
        await websocket.close(TRY_AGAIN)
