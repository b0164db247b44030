"""One request under observation: its answer on the way out, and what is known of it in the end."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any, NamedTuple

from starlette.types import Message, Receive, Scope, Send

from framework_gateway.mounts.mount import MOUNT
from framework_gateway.security.headers import Header, SecurityHeaders
from framework_gateway.server.response_heads import DROPPED, STOPPED, Sending
from framework_gateway.wsgi.middleware import RECORD

REQUEST_ID = b"x-request-id"
SERVER_TIMING = b"server-timing"
GATEWAY = "gateway"  # what is called the framework of a request that belongs to no mount
PIECE = 64 * 1024  # bytes of a body that are handed over at once
CLIENT_LEFT = 499  # nginx's: the client has left before an answer

# What begins an answer, and its status where the message has none.
STARTS = {
    "http.response.start": 0,
    "websocket.accept": 101,
    "websocket.close": 403,
    "websocket.http.response.start": 0,
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_METHOD = 32  # characters that are kept of a method,
MAX_ROUTE = 200  # and of a route
PARAMETER = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>|\{([^{}:]+):[^{}]*\}")

NOTHING: Mapping[str, Any] = {}

# A mount's prefix; the method as it came; the template of the route below the mount, as in
# ``/users/{user_id}``, or ""; the answer's status, 499 when the client left before there was one.
Kind = tuple[str, str, str, int]


class Observed:
    """A request and its answer.

    Attributes:
        id_header: X-Request-ID and the request's id.
        method, path: as they came, of the method at most 32 characters; the path decoded, without
            the query.
        began, since, ended: by ``time.perf_counter``: when the request came, when its client last
            sent something, and when its answer was complete or given up; 0.0 until then.
        status: 0 until an answer has begun.
        size: bytes of the answer's body.
        refusal: answers it in the application's place, which took too long.
    """

    __slots__ = (
        *("id_header", "scope", "method", "path", "task", "refusal"),
        *("began", "since", "ended", "status", "size", "_receive", "_send", "_security"),
    )

    def __init__(
        self,
        id_header: Header,
        task: asyncio.Task[object] | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        security: SecurityHeaders,
    ) -> None:
        self.id_header = id_header
        self.scope = scope
        self.method: str = scope.get("method", "GET")[:MAX_METHOD]
        self.path: str = scope["path"]
        self.task = task
        self.refusal: asyncio.Task[None] | None = None
        self.ended = 0.0
        self.status = self.size = 0
        self._receive = receive
        self._send = send
        self._security = security
        self.began = self.since = perf_counter()

    async def receive(self) -> Message:
        """Receive; a client that still sends something has not waited for an answer since."""
        message = await self._receive()
        if message["type"] == "http.request" and message.get("body"):
            self.since = perf_counter()
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send an answer on its way, with the request's id and times in its headers."""
        if self.refusal is not None and asyncio.current_task() is not self.refusal:
            return drop()
        kind = message["type"]
        if kind == "http.response.body":
            size = len(message.get("body", b""))
            if size > PIECE:
                return self._send_in_pieces(message)
            sending = self._send(message)
            if sending is not DROPPED and sending is not STOPPED:
                self.size += size
            if not message.get("more_body", False):
                self.ended = perf_counter()
            return sending
        if kind == "http.response.start":
            self.status = message["status"]
            return self._send(self._with_headers(message))
        if kind == "websocket.send":
            self.size += len(message.get("bytes") or message.get("text") or b"")
        elif not self.status and kind in STARTS:
            self.status = message.get("status") or STARTS[kind]
            if kind != "websocket.close":
                message = self._with_headers(message)
        # Its own coroutine would be one more for each message.
        return self._send(message)

    async def _send_in_pieces(self, message: Message) -> None:
        """Send a long body as its client takes it: one that leaves has not been sent the rest."""
        body, more = message["body"], message.get("more_body", False)
        for position in range(0, len(body), PIECE):
            end = position + PIECE
            rest = end < len(body)
            await self.send({**message, "body": body[position:end], "more_body": more or rest})

    def _with_headers(self, message: Message) -> Message:
        """Add headers of security, the id, and the times (W3C Server Timing, milliseconds)."""
        headers: list[Header] = [*message.get("headers", ())]
        try:
            given = dict(headers)
        except TypeError:  # byte strings of another type
            headers = [(bytes(name), bytes(value)) for name, value in headers]
            given = dict(headers)
        if given and not b"".join(given).islower():
            # ASGI wants it so, and applications send other names, too.
            headers = [(name.lower(), value) for name, value in headers]
            given = dict(headers)
        if REQUEST_ID in given:
            headers = [header for header in headers if header[0] != REQUEST_ID]
        lacking = self._security.lacking(given, self.scope["scheme"])
        timing = b"total;dur=%.2f" % ((perf_counter() - self.began) * 1000)
        record = self.scope.get(RECORD)
        if record is not None and "waiting" in record:
            parts = record["waiting"] * 1000, record["running"] * 1000, timing
            timing = b"queue;dur=%.2f, run;dur=%.2f, %b" % parts
        added = (*lacking, self.id_header, (SERVER_TIMING, timing))
        return {**message, "headers": [*headers, *added]}

    def forgive(self) -> bool:
        """Take back the cancellation of a request that was refused.

        Returns:
            Whether nobody else, the server for one, has cancelled it besides.
        """
        return self.refusal is not None and self.task is not None and self.task.uncancel() == 0

    @property
    def has_begun(self) -> bool:
        """Whether an answer is on its way, as far as it can be known."""
        if isinstance(self._send, Sending):
            return self._send.state.response_started
        return bool(self.status)

    def _outcome(self) -> tuple[int, bool]:
        """Return the status, 0 for none, and whether the answer was cut off."""
        if not isinstance(self._send, Sending):
            is_complete = bool(self.ended) or self.scope["type"] != "http"
            return self.status, bool(self.status) and not is_complete
        state = self._send.state
        # What the application has sent counts only as far as there was somebody to send it to.
        if state.response_started:
            return self.status, bool(self.status) and not state.response_complete
        # The server answers for an application that has not.
        return 0 if state.disconnected else self.status or 500, False

    def end(self) -> "Ended":
        """Return what is to be told of the request."""
        scope = self.scope
        record = scope.get(RECORD, NOTHING)
        client = scope.get("client")
        ended = self.ended or perf_counter()
        route = matched_route(scope, record)
        status, is_cut_off = self.status, False
        if not (isinstance(self._send, Sending) and self._send.state.response_complete):
            status, is_cut_off = self._outcome()
        members = (
            self.id_header[1],
            client and client[0],
            self.path,
            (scope.get(MOUNT, ""), self.method, route, status or CLIENT_LEFT),
            self.size,
            is_cut_off,
            ended,
            ended - self.began,
            record.get("waiting"),
            record.get("running"),
        )
        return tuple.__new__(Ended, members)  # half the time of its own constructor


class Ended(NamedTuple):
    """What is known of a request in the end.

    Attributes:
        id: as in X-Request-ID.
        client: its address.
        path: as it came; decoded, without the query.
        kind: what it has in common with many others.
        size: bytes of the answer's body.
        is_cut_off: whether there was an answer that did not come to its end: its client has left,
            or its application has failed.
        ended: when the answer was complete or given up, by ``time.perf_counter``.
        seconds: from its head until then.
        waiting, running: seconds that it waited for a thread and ran there, for WSGI applications.
    """

    id: bytes
    client: str | None
    path: str
    kind: Kind
    size: int
    is_cut_off: bool
    ended: float
    seconds: float
    waiting: float | None
    running: float | None


def framework_of(mount: str) -> str:
    """Name what serves a mount: by its prefix, or the gateway itself where there is none."""
    return mount.strip("/") or GATEWAY


async def drop() -> None:
    """Send nothing."""


def matched_route(scope: Scope, record: Mapping[str, Any]) -> str:
    """Return the template of the route that an application has matched; "" when none has."""
    route = record.get("route")
    if route is None:
        # FastAPI's route knows nothing of the prefix that its router was included under.
        context = scope.get("fastapi", {}).get("effective_route_context")
        route = getattr(context or scope.get("route"), "path", None)
    return template(route[:MAX_ROUTE]) if route else ""


@lru_cache(maxsize=4096)
def template(route: str) -> str:
    """Write a framework's route as the others would: ``users/<int:id>`` is ``/users/{id}``."""
    uniform = PARAMETER.sub(lambda match: "{" + (match[1] or match[2]) + "}", route)
    return uniform if uniform.startswith("/") else f"/{uniform}"
