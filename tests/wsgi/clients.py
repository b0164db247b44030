"""Clients on sockets, including rude ones."""

import http.client
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass


@dataclass
class Answer:
    """A response as a client received it.

    Attributes:
        status: 0 if the connection ended before a response.
        complete: whether the response ended as announced; False if the connection was cut off.
    """

    status: int = 0
    headers: http.client.HTTPMessage | None = None
    body: bytes = b""
    complete: bool = False

    def header(self, name: str) -> str | None:
        return None if self.headers is None else self.headers.get(name)


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """Read one response from a socket."""
    response = http.client.HTTPResponse(connection, method=method)
    answer = Answer()
    try:
        response.begin()
        answer = Answer(response.status, response.headers)
        answer.body = response.read()
        answer.complete = True
    except http.client.IncompleteRead as error:
        answer.body = error.partial
    except (http.client.BadStatusLine, ConnectionError):
        pass
    finally:
        response.close()
    return answer


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    """Read until the data contains these bytes; return the data as sent."""
    received = b""
    while mark not in received:
        data = connection.recv(65536)
        assert data, received
        received += data
    return received


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := connection.recv(1_000_000):
            received += data
    return bytes(received)


def head(path: str, *headers: str, method: str = "GET", host: str = "test") -> bytes:
    """Return the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def leave(connection: socket.socket) -> None:
    """Close a connection at once, with unread and unsent data."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
