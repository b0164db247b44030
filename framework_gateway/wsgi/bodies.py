"""Receive request bodies of limited size; for WSGI completely, in bounded memory."""

import asyncio
import io
import math
import tempfile
from collections.abc import Awaitable
from typing import IO, Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLAIN_CODINGS = {b"chunked", b"identity"}
SPOOL_SIZE = 1024 * 1024  # bytes kept in memory; a longer body goes to a temporary file
MAX_EMPTY_MESSAGES = 1000  # messages in a row without any bytes
YIELD_EVERY = 16  # messages that a request receives before other requests get a turn


class IncompleteBody(Exception):
    """The client disconnected before it had sent the whole body."""


def declared_length(scope: Scope) -> int | None:
    """Return the body's length in bytes; None if it is unknown, 0 if there is no body.

    Raises:
        HTTPException: 501, the body has a transfer coding other than chunked (RFC 9112, 6.1),
            which the server does not decode.
    """
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            # Some parsers keep the white space around a value.
            value = value.strip(b" \t")
            return int(value) if value.isdigit() else 0
        if name == b"transfer-encoding":
            codings = {coding.strip(b" \t").lower() for coding in value.split(b",")}
            if not codings <= PLAIN_CODINGS:
                raise HTTPException(501)
            chunked = True
    # HTTP/2 and later need no header to delimit a body.
    return None if chunked or not scope["http_version"].startswith("1") else 0


async def receive_body(scope: Scope, receive: Receive, limit: int) -> tuple[IO[bytes], int | None]:
    """Receive the whole body.

    Returns:
        A file, positioned at its start, and the body's length in bytes; None without a body.

    Raises:
        HTTPException: 413, the body is longer than ``limit`` bytes.
        IncompleteBody: the client disconnected before the end of the body.
    """
    declared = declared_length(scope)
    if declared == 0:
        return io.BytesIO(), None
    if declared is not None and declared > limit:
        raise HTTPException(413)
    file: IO[Any] = io.BytesIO()
    waiting: list[bytes] = []
    size = waiting_size = 0
    more = True
    try:
        receive = GuardedReceive(receive)
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size > limit:
                raise HTTPException(413)
            waiting.append(chunk)
            waiting_size += len(chunk)
            if waiting_size > SPOOL_SIZE:
                if isinstance(file, io.BytesIO):
                    file = tempfile.TemporaryFile()  # noqa: SIM115  # the Exchange closes it
                # A slow disk must not block the event loop.
                await asyncio.to_thread(file.writelines, waiting)
                waiting, waiting_size = [], 0
        if isinstance(file, io.BytesIO):
            return io.BytesIO(b"".join(waiting)), size
        await asyncio.to_thread(file.writelines, waiting)
        file.seek(0)
    except BaseException:
        # Includes a full disk, and cancellation when the server stops.
        file.close()
        raise
    return file, size


class GuardedReceive:
    """Wraps ``receive`` so that a faulty ``receive`` delays only its own request.

    Applications call ``receive`` in a loop until the client disconnects, because a server's
    ``receive`` waits. The ``receive`` of some middleware returns at once, for example when it
    replays a body. Then the loop would block the event loop forever. So a call after the end of the
    body waits forever if it would return the body again. When many messages arrive at once, other
    requests get a turn between them.

    Args:
        receive: the ``receive`` to wrap.
        max_size: the largest body in bytes; None if it is unknown.

    Raises:
        HTTPException: 400, the body is longer, or more than 1,000 messages in a row are empty.
    """

    _remaining: float = math.inf
    _empty = _received = 0
    _is_complete = False

    def __init__(self, receive: Receive, max_size: int | None = None) -> None:
        self._receive = receive
        if max_size is not None:
            self._remaining = max_size

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            if self._is_complete:
                await asyncio.Event().wait()
            self._is_complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self._remaining -= size
            self._empty = 0 if size or self._is_complete else self._empty + 1
            if self._empty > MAX_EMPTY_MESSAGES or self._remaining < 0:
                raise HTTPException(400)
        self._received += 1
        if self._received % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        return message


def serve_limited(
    app: ASGIApp, limit: int, scope: Scope, receive: Receive, send: Send
) -> Awaitable[None]:
    """Call an ASGI application with a request body of at most ``limit`` bytes.

    Raises:
        HTTPException: 413.
    """
    declared = declared_length(scope)
    receive = GuardedReceive(receive, declared)
    if declared is None:
        return serve_streamed(app, StreamedBody(limit, receive, send), scope)
    if declared > limit:
        raise HTTPException(413)
    return app(scope, receive, send)


async def serve_streamed(app: ASGIApp, body: "StreamedBody", scope: Scope) -> None:
    """Call an ASGI application with a request body of unknown length.

    Raises:
        HTTPException: 413, the body is too long. It replaces the response or the exception of the
            application, which has received only a part of the body.
    """
    try:
        await app(scope, body.receive, body.send)
    # An incomplete body can cause any error. Without one, the error is the application's own.
    except Exception:
        if not body.is_refused:
            raise
    if body.is_refused:
        raise HTTPException(413)


class StreamedBody:
    """A request body of unknown length, and the response to it."""

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self.remaining = limit
        self._receive = receive
        self._send = send
        self.is_too_long = False
        self.is_answered = False

    @property
    def is_refused(self) -> bool:
        """Whether the body is too long and no response has started."""
        return self.is_too_long and not self.is_answered

    async def receive(self) -> Message:
        """Receive a message; beyond the limit, report a disconnected client."""
        if not self.is_too_long:
            message = await self._receive()
            self.remaining -= len(message.get("body", b""))
            self.is_too_long = self.remaining < 0
        return {"type": "http.disconnect"} if self.is_too_long else message

    async def send(self, message: Message) -> None:
        """Send a message, unless it responds to an incomplete body."""
        if not self.is_refused:
            self.is_answered = True
            await self._send(message)
