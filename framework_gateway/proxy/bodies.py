"""The body of a request, framed for the upstream as the client has framed it."""

from starlette.types import Receive, Scope

from framework_gateway.proxy.heads import Header
from framework_gateway.wsgi.bodies import declared_length
from framework_gateway.wsgi.errors import ClientLeft


class RequestBody:
    """A body that is passed on in pieces.

    Attributes:
        has_more: whether there is more to receive from the client.
        expects: whether the client waits for 100 Continue before it sends the body.
        is_streamed: whether pieces have been received that are not kept.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._length = declared_length(scope)  # bytes; None if that is unknown
        self._unsent = self._length or 0
        self._first = b""
        self.has_more = self._length != 0
        self.expects = self.has_more and expects_continue(scope)
        self.is_streamed = False
        self._headers: list[Header] = scope["headers"]

    @property
    def is_sent(self) -> bool:
        """Whether the server has got the whole body."""
        return not self.has_more and not self._unsent

    async def receive_first(self) -> None:
        """Receive and keep the first piece.

        Raises:
            ClientLeft: the client has left.
        """
        self._first = await self._receive_part()
        if self._length is None and not self.has_more:
            self._length = self._unsent = len(self._first)

    def headers(self) -> list[Header]:
        """Return the headers that frame the body."""
        if self._length is None:
            framing = [(b"transfer-encoding", b"chunked")]
        elif self._length or any(name == b"content-length" for name, _ in self._headers):
            framing = [(b"content-length", b"%d" % self._length)]
        else:
            framing = []
        return [*framing, (b"expect", b"100-continue")] if self.expects else framing

    def first(self) -> bytes:
        """Return the first piece as it is sent; it can be sent again."""
        self._unsent = self._length or 0
        return self._frame(self._first)

    async def receive(self) -> bytes:
        """Receive the next piece; return it as it is sent.

        Raises:
            ClientLeft: the client has left.
        """
        self.is_streamed = True
        return self._frame(await self._receive_part())

    async def _receive_part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        self.has_more = message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part

    def _frame(self, part: bytes) -> bytes:
        if self._length is not None:
            self._unsent -= len(part)
            return part
        chunk = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
        return chunk if self.has_more else chunk + b"0\r\n\r\n"

    async def wait_until_left(self) -> None:
        """Wait for the client to leave, after the whole body.

        Raises:
            ClientLeft: the client has left.
        """
        # What comes after the body says nothing.
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientLeft


def expects_continue(scope: Scope) -> bool:
    """Return whether the client waits for 100 Continue; HTTP/1.0 does not have it."""
    return scope["http_version"] != "1.0" and any(
        name == b"expect" and value.strip(b" \t").lower() == b"100-continue"
        for name, value in scope["headers"]
    )
