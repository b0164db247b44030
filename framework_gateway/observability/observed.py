"""Observe one request: add headers to its response, and collect data for logs and metrics."""

import asyncio
from collections.abc import Awaitable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

from starlette.types import Message, Receive, Scope, Send

from framework_gateway.mounts.routing import MOUNT
from framework_gateway.observability.routes import matched_route
from framework_gateway.security.headers import PAGE_HEADERS, Header, SecurityHeaders
from framework_gateway.security.names import REQUEST_ID
from framework_gateway.server.response_heads import DISCARDED, RAISES_CLIENT_LEFT, ResponseSender
from framework_gateway.wsgi.middleware import RECORD

SERVER_TIMING = b"server-timing"
ROOT = "root"  # the framework label of a mount at "/"
GATEWAY = "gateway"  # the framework label of a request that matches no mount
PIECE_SIZE = 64 * 1024  # bytes of a body in one message
CLIENT_LEFT = 499  # nginx's status: the client left before a response

# Messages that start a response, and the status of those without one.
STARTS = {
    "http.response.start": 0,
    "websocket.accept": 101,
    "websocket.close": 403,
    "websocket.http.response.start": 0,
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_METHOD = 32  # characters of a method

EMPTY_RECORD: Mapping[str, Any] = {}

# The prefix of the mount; the method as received; the template of the route below the mount, such
# as ``/users/{user_id}``, or ""; the status, 499 if the client left before a response.
Kind = tuple[str, str, str, int]


class ObservedRequest:
    """A request and its response.

    Attributes:
        id_header: X-Request-ID and the id of the request.
        method: the method as received, at most 32 characters.
        is_http: whether it is no WebSocket.
        path: the decoded path, without the query.
        client: the address of the client.
        began, idle_since, ended: when the request arrived, when the client last sent bytes of its
            body, and when the response was complete (0.0 before), by ``time.perf_counter``.
        status: the status of the response; 0 before its start.
        size: bytes of the response's body.
        refusal: the task that answers 504 after a timeout, in place of the application.
    """

    __slots__ = (
        *("id_header", "scope", "is_http", "method", "path", "client", "task", "refusal"),
        *("began", "idle_since", "ended", "status", "size", "_receive", "_send", "_security"),
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
        # Read now, because an application may change its scope.
        self.is_http = scope["type"] == "http"
        client = scope.get("client")
        self.client: str | None = client[0] if client else None
        self.task = task
        self.refusal: asyncio.Task[None] | None = None
        self.ended = 0.0
        self.status = self.size = 0
        self._receive = receive
        self._send = send
        self._security = security
        self.began = self.idle_since = perf_counter()

    async def receive(self) -> Message:
        """Receive a message; bytes of the body restart the timeout."""
        message = await self._receive()
        if message["type"] == "http.request" and message.get("body"):
            self.idle_since = perf_counter()
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message; add the request's id and times to the headers of the response."""
        if self.refusal is not None and asyncio.current_task() is not self.refusal:
            return discard()
        kind = message["type"]
        if kind == "http.response.body":
            size = len(message.get("body", b""))
            if size > PIECE_SIZE:
                return self._send_in_pieces(message)
            sending = self._send(message)
            if sending is not DISCARDED and sending is not RAISES_CLIENT_LEFT:
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
        # Return the awaitable; a coroutine of its own for each message would cost more.
        return self._send(message)

    async def _send_in_pieces(self, message: Message) -> None:
        """Send a long body in pieces, so that ``size`` is right if the client leaves early."""
        body, more = message["body"], message.get("more_body", False)
        for position in range(0, len(body), PIECE_SIZE):
            end = position + PIECE_SIZE
            rest = end < len(body)
            await self.send({**message, "body": body[position:end], "more_body": more or rest})

    def _with_headers(self, message: Message) -> Message:
        """Add the security headers, the id, and the times (W3C Server Timing, milliseconds)."""
        headers: list[Header] = [*message.get("headers", ())]
        try:
            given = dict(headers)
        except TypeError:  # a type of byte string that is not hashable
            headers = [(bytes(name), bytes(value)) for name, value in headers]
            given = dict(headers)
        if given and not b"".join(given).islower():
            # ASGI requires lower case, but not every application complies.
            headers = [(name.lower(), value) for name, value in headers]
            given = dict(headers)
        if REQUEST_ID in given:
            headers = [header for header in headers if header[0] != REQUEST_ID]
        scope = self.scope
        page_headers = scope.get(PAGE_HEADERS, True)
        missing = self._security.missing(given, scope.get("scheme", ""), page_headers)
        timing = b"total;dur=%.2f" % ((perf_counter() - self.began) * 1000)
        record = scope.get(RECORD)
        if record is not None and "waiting" in record:
            parts = record["waiting"] * 1000, record["running"] * 1000, timing
            timing = b"queue;dur=%.2f, run;dur=%.2f, %b" % parts
        added = (*missing, self.id_header, (SERVER_TIMING, timing))
        return {**message, "headers": [*headers, *added]}

    def uncancel(self) -> bool:
        """Undo the cancellation of a request that timed out.

        Returns:
            Whether nothing else, such as the server, has cancelled it too.
        """
        return self.refusal is not None and self.task is not None and self.task.uncancel() == 0

    @property
    def has_begun(self) -> bool:
        """Whether the response has started, as far as the gateway can know."""
        if isinstance(self._send, ResponseSender):
            return self._send.state.response_started
        return bool(self.status)

    def _outcome(self) -> tuple[int, bool]:
        """Return the status, 0 for none, and whether the response is incomplete."""
        if not isinstance(self._send, ResponseSender):
            is_complete = bool(self.ended) or not self.is_http
            return self.status, bool(self.status) and not is_complete
        state = self._send.state
        # Messages that the application sent after the client had left do not count.
        if state.response_started:
            return self.status, bool(self.status) and not state.response_complete
        # The server answers 500 if the application sends no response.
        return 0 if state.disconnected else self.status or 500, False

    def end(self) -> "FinishedRequest":
        """Return the data of the request for logs and metrics."""
        scope = self.scope
        record = scope.get(RECORD, EMPTY_RECORD)
        ended = self.ended or perf_counter()
        route = matched_route(scope, record)
        status, is_cut_off = self.status, False
        if not (isinstance(self._send, ResponseSender) and self._send.state.response_complete):
            status, is_cut_off = self._outcome()
        members = (
            self.id_header[1],
            self.client,
            self.path,
            (mount_of(scope), self.method, route, status or CLIENT_LEFT),
            self.size,
            is_cut_off,
            ended,
            ended - self.began,
            record.get("waiting"),
            record.get("running"),
        )
        return tuple.__new__(FinishedRequest, members)  # twice as fast as FinishedRequest(...)


class FinishedRequest(NamedTuple):
    """A finished request.

    Attributes:
        id: the id, as in X-Request-ID.
        client: the address of the client.
        path: the decoded path, without the query.
        kind: mount, method, route and status.
        size: bytes of the response's body.
        is_cut_off: whether a response started but is incomplete, because the client left or the
            application failed.
        ended: when the response was complete or abandoned, by ``time.perf_counter``.
        seconds: the time from the head of the request until then.
        waiting, running: seconds in the queue and in a thread, for WSGI applications.
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
    """Return the label of a mount: its prefix, ``root`` for "/", ``gateway`` for no mount."""
    return mount.strip("/") or (ROOT if mount else GATEWAY)


def mount_of(scope: Scope) -> str:
    """Return the prefix of the mount, unless the application has put something else there."""
    mount = scope.get(MOUNT, "")
    return mount if type(mount) is str else ""


async def discard() -> None:
    """Discard a message."""
