"""One call of an ASGI application in this process."""

import asyncio

from starlette.types import Message

from framework_gateway.compare.messages import Failure, Headers, NoAnswer
from framework_gateway.wsgi.errors import ClientLeft


class ApplicationCall:
    """One call of an ASGI application: provides the request body, and stores the answer."""

    def __init__(self, body: bytes, max_size: int) -> None:
        self.body: bytes | None = body
        self.max_size = max_size
        self.status = 0
        self.headers: Headers = ()
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False

    async def receive(self) -> Message:
        if self.body is None:
            # This client never disconnects; wait until the task is cancelled.
            await asyncio.Event().wait()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            self.size += len(self.chunks[-1])
            if self.is_too_long:
                self.chunks.clear()
                # The application sees a client that has left, not an error.
                raise ClientLeft
            self.complete = not message.get("more_body", False)

    @property
    def is_too_long(self) -> bool:
        """Whether the answer is longer than ``max_size``."""
        return self.size > self.max_size

    def too_long_error(self) -> NoAnswer:
        """Return the error for an answer that is too long."""
        return NoAnswer(f"the answer is longer than {self.max_size} bytes", Failure.TOO_LONG)
