"""Large bodies and event streams, for the proxies that are measured."""

import asyncio
from typing import Any

PIECE = bytes(64 * 1024)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve ``/download?SIZE``, ``/upload`` and ``/events``."""
    if scope["type"] != "http":
        return
    await {"/download": download, "/events": events}.get(scope["path"], upload)(
        scope, receive, send
    )


async def download(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Send as many bytes as the query says."""
    size = int(scope["query_string"])
    headers = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while size:
        piece = PIECE[:size]
        size -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": bool(size)})


async def upload(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Count the bytes of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = b"%d" % size
    headers = [(b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def events(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send an event each second until the client leaves."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    left = asyncio.ensure_future(wait_until_left(receive))
    while not left.done():
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        await asyncio.wait([left], timeout=1)


async def wait_until_left(receive: Any) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
