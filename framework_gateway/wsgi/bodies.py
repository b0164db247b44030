"""Request bodies: at most so long; and for WSGI complete, in bounded memory."""

import asyncio
import io
import math
import tempfile
from collections.abc import Awaitable
from typing import IO, Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLAIN_CODINGS = {b"chunked", b"identity"}
SPOOL = 1024 * 1024  # bytes in memory; a longer body goes to disk
MOST_EMPTY = 1000  # messages in a row that carry nothing of a body
TURNS = 16  # messages that one request may receive before the others have a turn


class BodyCutShort(Exception):
    """The client left before it had sent the whole body."""


def declared_length(scope: Scope) -> int | None:
    """Return Content-Length in bytes; None when a body comes in chunks; 0 when there is none.

    Raises:
        HTTPException: 501, it is coded in another way besides (RFC 9112, 6.1): servers take the
            chunks apart, and nobody would decode the rest.
    """
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            # A parser may leave the white space around a value, which is no part of it.
            value = value.strip(b" \t")
            return int(value) if value.isdigit() else 0
        if name == b"transfer-encoding":
            codings = {coding.strip(b" \t").lower() for coding in value.split(b",")}
            if not codings <= PLAIN_CODINGS:
                raise HTTPException(501)
            chunked = True
    # HTTP/2 and later frame bodies without any header.
    return None if chunked or not scope["http_version"].startswith("1") else 0


async def receive_body(scope: Scope, receive: Receive, limit: int) -> tuple[IO[bytes], int | None]:
    """Receive the whole body.

    Returns:
        A file at its beginning, and the body's length in bytes; None when there is no body.

    Raises:
        HTTPException: 413, it is or grows longer than ``limit`` bytes.
        BodyCutShort: the client left; what it has sent must not look complete.
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
        receive = PatientReceive(receive)
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BodyCutShort
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size > limit:
                raise HTTPException(413)
            waiting.append(chunk)
            waiting_size += len(chunk)
            if waiting_size > SPOOL:
                if isinstance(file, io.BytesIO):
                    file = tempfile.TemporaryFile()  # noqa: SIM115  # the exchange closes it
                # Disks can be slow, and the event loop serves everybody.
                await asyncio.to_thread(file.writelines, waiting)
                waiting, waiting_size = [], 0
        if isinstance(file, io.BytesIO):
            return io.BytesIO(b"".join(waiting)), size
        await asyncio.to_thread(file.writelines, waiting)
        file.seek(0)
    except BaseException:
        # Also when the disk is full, or the server cancels an upload in order to stop.
        file.close()
        raise
    return file, size


class PatientReceive:
    """Wraps ``receive`` so that a wrong one can hold up its own request, and no other.

    Servers wait in ``receive``, and applications rely on that: they call it in a loop until the
    client has left. Middleware may never wait, for example when it replays a body that it has read.
    The event loop would then stay in that loop for ever. So a call after the whole body waits
    without end when it would return the body again, because such a ``receive`` does not say when
    the client leaves. And when many messages come at once, other requests get a turn between them.

    Args:
        receive: the other one.
        most: bytes that the request's body can have; None where that is not known.

    Raises:
        HTTPException: 400, more than so many, or 1,000 messages in a row that carry nothing.
    """

    _left: float = math.inf
    _empty = _received = 0
    _is_complete = False

    def __init__(self, receive: Receive, most: int | None = None) -> None:
        self._receive = receive
        if most is not None:
            self._left = most

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            if self._is_complete:
                await asyncio.Event().wait()
            self._is_complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self._left -= size
            self._empty = 0 if size or self._is_complete else self._empty + 1
            if self._empty > MOST_EMPTY or self._left < 0:
                raise HTTPException(400)
        self._received += 1
        if self._received % TURNS == 0:
            await asyncio.sleep(0)
        return message


def serve_limited(
    app: ASGIApp, limit: int, scope: Scope, receive: Receive, send: Send
) -> Awaitable[None]:
    """Let an ASGI application serve a request whose body is at most ``limit`` bytes long.

    Raises:
        HTTPException: 413.
    """
    declared = declared_length(scope)
    receive = PatientReceive(receive, declared)
    if declared is None:
        return serve_growing(app, GrowingBody(limit, receive, send), scope)
    if declared > limit:
        raise HTTPException(413)
    return app(scope, receive, send)


async def serve_growing(app: ASGIApp, body: "GrowingBody", scope: Scope) -> None:
    """Let an ASGI application serve a request whose body nobody has declared the length of.

    Raises:
        HTTPException: 413. What the application makes of a body that was cut off at the limit, an
            answer or an exception, counts no more.
    """
    try:
        await app(scope, body.receive, body.send)
    # Whatever an application makes of a body cut off at the limit; without that, it is raised on.
    except Exception:
        if not body.is_refused:
            raise
    if body.is_refused:
        raise HTTPException(413)


class GrowingBody:
    """A body of a length that nobody has declared, and the answer to it."""

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self.room = limit
        self._receive = receive
        self._send = send
        self.is_too_long = False
        self.is_answered = False

    @property
    def is_refused(self) -> bool:
        """Whether the body has grown too long, with the answer still to be given."""
        return self.is_too_long and not self.is_answered

    async def receive(self) -> Message:
        """Receive, up to the limit; behind it, the client might as well have left."""
        if not self.is_too_long:
            message = await self._receive()
            self.room -= len(message.get("body", b""))
            self.is_too_long = self.room < 0
        return {"type": "http.disconnect"} if self.is_too_long else message

    async def send(self, message: Message) -> None:
        """Send, unless this is an answer to half a body."""
        if not self.is_refused:
            self.is_answered = True
            await self._send(message)
