"""Keep a request and its response for a shadow, in bounded memory."""

from collections.abc import Callable
from enum import StrEnum
from time import perf_counter

from starlette.types import Message, Receive, Send


class Loss(StrEnum):
    """Why a request that should have a shadow has none; each is counted."""

    FULL = "dropped"  # the queue or the memory for shadows is full
    TOO_LARGE = "too large"  # a body is longer than the limit
    CREDENTIALS = "credentials"  # the rule lets no shadow carry them
    NOT_MODIFIED = "not modified"  # 304: the client knows the answer, the other side cannot
    FAILED = "failed to compare"  # the comparing itself has failed
    INCOMPLETE = "incomplete"  # the client left, or the application did not read the whole body


class Budget:
    """The bytes that all shadows together may keep."""

    def __init__(self, size: int) -> None:
        self.free = size

    def take(self, size: int) -> bool:
        """Reserve bytes; return whether there was room."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """Return reserved bytes."""
        self.free += size


class Tape:
    """A body that is kept up to a limit.

    Attributes:
        size: bytes that it holds, and has reserved.
        loss: why the body was not kept; None if it was so far.
        is_complete: whether the end of the body has come.
    """

    def __init__(self, budget: Budget, limit: int) -> None:
        self._budget = budget
        self._limit = limit
        self._chunks: list[bytes] = []
        self.size = 0
        self.loss: Loss | None = None
        self.is_complete = False

    def add(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        if self.loss is not None or not chunk:
            return
        if self.size + len(chunk) > self._limit:
            self.drop(Loss.TOO_LARGE)
        elif not self._budget.take(len(chunk)):
            self.drop(Loss.FULL)
        else:
            self.size += len(chunk)
            self._chunks.append(bytes(chunk))

    def drop(self, loss: Loss) -> None:
        """Keep nothing, now and later."""
        self.loss = self.loss or loss
        self.release()

    def release(self) -> None:
        """Give the memory back."""
        self._chunks.clear()
        self._budget.give(self.size)
        self.size = 0

    @property
    def data(self) -> bytes:
        """What was kept."""
        return b"".join(self._chunks)


class RecordedRequest:
    """Wraps ``receive``, and keeps the body.

    Args:
        receive: the ``receive`` of the server.
        tape: keeps the body.
        is_empty: whether the request has no body.
    """

    def __init__(self, receive: Receive, tape: Tape, is_empty: bool) -> None:
        self._receive = receive
        self.tape = tape
        self.has_left = self._has_begun = False
        tape.is_complete = is_empty

    async def receive(self) -> Message:
        """Receive a message, and keep its part of the body."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.has_left = True
        elif message["type"] == "http.request":
            self._has_begun = True
            self.tape.add(message.get("body", b""))
            self.tape.is_complete = not message.get("more_body", False)
        return message

    def again(self) -> Receive:
        """Return a ``receive`` that begins with what was received before."""
        kept: Message | None = None
        # An empty body is a message, too; the server would not send it a second time.
        if self._has_begun:
            more = not self.tape.is_complete
            kept = {"type": "http.request", "body": self.tape.data, "more_body": more}

        async def receive() -> Message:
            nonlocal kept
            if kept is not None:
                message, kept = kept, None
                return message
            return await self.receive()

        return receive


class RecordedResponse:
    """Wraps ``send``, and keeps the response.

    Args:
        send: the ``send`` of the server.
        tape: keeps the body.
        on_complete: called when the whole response has been sent.

    Attributes:
        status: 0 before the response.
        headers: as the application has sent them.
        seconds: from the request to the head of the response.
        is_complete: whether the whole response has been sent.
    """

    def __init__(self, send: Send, tape: Tape, on_complete: Callable[[], object]) -> None:
        self._send = send
        self.tape = tape
        self._on_complete = on_complete
        self._began = perf_counter()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.seconds = 0.0
        self.is_complete = False

    def restart(self) -> None:
        """Begin to measure anew: another application is asked."""
        self._began = perf_counter()

    async def send(self, message: Message) -> None:
        """Send a message, and keep it."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            self.headers = [*message.get("headers", ())]
            self.seconds = perf_counter() - self._began
            if is_event_stream(self.headers):
                self.tape.drop(Loss.TOO_LARGE)  # it would keep its memory for hours
        elif kind == "http.response.body":
            self.tape.add(message.get("body", b""))
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self.tape.drop(Loss.TOO_LARGE)  # the server reads a file, nobody sees its bytes
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body", False):
            self.is_complete = self.tape.is_complete = True
            self._on_complete()


def is_event_stream(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a response is a stream of server-sent events, which has no end."""
    types = [value for name, value in headers if name.lower() == b"content-type"]
    return bool(types) and types[0].lower().startswith(b"text/event-stream")
