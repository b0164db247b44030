"""How a request of the corpus is written, and what may become of it."""

from enum import Flag, auto
from typing import NamedTuple


class Fate(Flag):
    """What becomes of a request and its connection."""

    SERVED = auto()  # answered by the application, which has got the whole body; so is what follows
    LAST = auto()  # answered by the application likewise, and the connection ends
    REFUSED = auto()  # answered with an error, and the connection ends


SERVED, LAST, REFUSED = Fate


class Case(NamedTuple):
    """One request.

    Attributes:
        data: its bytes, with two placeholders. NUMBER has the six digits of what takes its place,
            and is in bodies, too; TARGET is in the first line.
        body: what the application gets of it.
        fate: what may become of it.
        statuses: of a refusal.
    """

    data: bytes
    body: bytes = b""
    fate: Fate = SERVED
    statuses: frozenset[int] = frozenset({400})

    @property
    def method(self) -> str:
        return self.data.split()[0].decode("latin-1")

    @property
    def is_http10(self) -> bool:
        return b" HTTP/1.0\r\n" in self.data

    @property
    def is_expecting(self) -> bool:
        """Whether 100 may come first; HTTP/1.0 does not know it (RFC 9110, 10.1.1)."""
        return b"\nexpect:" in self.data.lower() and not self.is_http10


# A request inside the body of another one; the echo remembers the number if it is executed.
HIDDEN = b"GET /asgi/hidden?NUMBER HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (HIDDEN[:4], len(HIDDEN) - 4, HIDDEN[4:])
OBJECT = b"2\r\n{}\r\n0\r\n\r\n"  # in a chunk


def request(
    *headers: bytes, body: bytes = b"", method: str = "POST", version: str = "HTTP/1.1"
) -> bytes:
    """Write a request: a Host, an id and the type of JSON, its own headers, and a body."""
    lines = [b"Host: 127.0.0.1", b"X-Request-ID: NUMBER", b"Content-Type: application/json"]
    first = f"{method} TARGET {version}".encode()
    return b"\r\n".join([first, *lines, *headers, b"", body])


def with_length(*headers: bytes, method: str = "POST", version: str = "HTTP/1.1") -> bytes:
    """Write a request with another one in its body, whose length is said."""
    return request(*headers, LENGTH, body=HIDDEN, method=method, version=version)


def in_chunks(*headers: bytes, method: str = "POST") -> bytes:
    """Write a request with another one in its body, in two chunks."""
    return request(*headers, CHUNKED, body=CHUNKS, method=method)


def each(
    *headers: bytes,
    method: str = "POST",
    fate: Fate = SERVED,
    statuses: frozenset[int] = frozenset({400}),
) -> list[Case]:
    """Write a request three times: with a length, in chunks, and without a body."""
    return [
        Case(with_length(*headers, method=method), HIDDEN, fate, statuses),
        Case(in_chunks(*headers, method=method), HIDDEN, fate, statuses),
        Case(request(*headers, method=method), b"", fate, statuses),
    ]
