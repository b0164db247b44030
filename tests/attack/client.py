"""A client that sends arbitrary bytes and parses everything it receives as responses."""

import io
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from http.client import HTTPResponse
from itertools import chain, repeat
from typing import NamedTuple, cast

from tests.wsgi.clients import Answer, read_to_end
from tests.wsgi.server import PATIENCE

HELLO = b'{"message":"Hello, World!"}'


class Replay(io.BytesIO):
    """Bytes that http.client can read several responses from."""

    def makefile(self, *_mode: str) -> "Replay":
        return self

    def close(self) -> None:
        """Stay open for the next response."""


class Target(NamedTuple):
    """A server on loopback."""

    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(PATIENCE)
        return connection

    def send(self, data: bytes) -> list[Answer]:
        """Send bytes; return every response until the server ends the connection."""
        [answers] = self.send_each([data])
        return answers

    def send_each(self, several: Sequence[bytes]) -> list[list[Answer]]:
        """Send each on its own connection, all at once."""
        with ExitStack() as stack:
            connections = [stack.enter_context(self.connect()) for _ in several]
            for connection, data in zip(connections, several, strict=True):
                connection.sendall(data)
            return [answers_in(read_to_end(connection)) for connection in connections]

    def ask(self, *lines: str | bytes, body: bytes = b"") -> Answer:
        """Send one request with these lines, a Host and a body; return its one response."""
        [answer] = self.send(request(*lines, "Connection: close", body=body))
        return answer


def request(*lines: str | bytes, body: bytes = b"") -> bytes:
    """Build a request from the lines of its head, a Host and a body."""
    written = [line.encode() if isinstance(line, str) else line for line in lines]
    return b"\r\n".join([written[0], b"Host: 127.0.0.1", *written[1:], b"", body])


def answers_in(data: bytes, methods: Iterable[str] = ()) -> list[Answer]:
    """Parse the bytes of a connection; raise an error if they are not a sequence of responses.

    Args:
        data: the received bytes.
        methods: of the requests; GET for any further response.
    """
    replay = Replay(data)
    answers = []
    remaining = chain(methods, repeat("GET"))
    while replay.tell() < len(data):
        response = HTTPResponse(cast(socket.socket, replay), method=next(remaining))
        response.begin()
        answers.append(Answer(response.status, response.headers, response.read(), complete=True))
    return answers
