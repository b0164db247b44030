"""A slow service that others call: it answers after 50 to 100 ms, however many call at once."""

import asyncio
from itertools import count
from typing import Any

BODY = b'{"price":42}'
FASTEST_MS, RANGE_MS = 50, 51

numbers = count()


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer every request alike. Plain ASGI, so that the service costs little CPU time."""
    assert scope["type"] == "http"
    # The service exists to be slow. 7 and 51 have no common factor, so each time comes up equally.
    await asyncio.sleep((FASTEST_MS + next(numbers) * 7 % RANGE_MS) / 1000)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BODY)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
