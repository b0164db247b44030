"""The requests of the corpus, and what may happen to each."""

from enum import Flag, auto
from typing import NamedTuple


class Fate(Flag):
    """What happens to a request and its connection."""

    SERVED = auto()  # the application answers and has the whole body; the connection stays open
    LAST = auto()  # the application answers and has the whole body; the connection ends
    REFUSED = auto()  # an error response, and the connection ends


SERVED, LAST, REFUSED = Fate


class Case(NamedTuple):
    """One request.

    Attributes:
        data: its bytes, with two placeholders. NUMBER stands for six digits and also occurs in
            bodies; TARGET occurs in the request line.
        body: the body that the application must receive.
        fate: what may happen to the request.
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
        """Whether 100 Continue may come first; HTTP/1.0 does not have it (RFC 9110, 10.1.1)."""
        return b"\nexpect:" in self.data.lower() and not self.is_http10


# A request in the body of another; if a server executes it, the echo remembers the number.
HIDDEN = b"GET /asgi/hidden?NUMBER HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (HIDDEN[:4], len(HIDDEN) - 4, HIDDEN[4:])
OBJECT = b"2\r\n{}\r\n0\r\n\r\n"  # as a chunked body


def request(
    *headers: bytes, body: bytes = b"", method: str = "POST", version: str = "HTTP/1.1"
) -> bytes:
    """Build a request with a Host, an id, the JSON type, more headers, and a body."""
    lines = [b"Host: 127.0.0.1", b"X-Request-ID: NUMBER", b"Content-Type: application/json"]
    first = f"{method} TARGET {version}".encode()
    return b"\r\n".join([first, *lines, *headers, b"", body])


def with_length(*headers: bytes, method: str = "POST", version: str = "HTTP/1.1") -> bytes:
    """Build a request with another request in its body, and a Content-Length."""
    return request(*headers, LENGTH, body=HIDDEN, method=method, version=version)


def in_chunks(*headers: bytes, method: str = "POST") -> bytes:
    """Build a request with another request in its body, in two chunks."""
    return request(*headers, CHUNKED, body=CHUNKS, method=method)


def each(
    *headers: bytes,
    method: str = "POST",
    fate: Fate = SERVED,
    statuses: frozenset[int] = frozenset({400}),
) -> list[Case]:
    """Build a request three times: with a Content-Length, with chunks, and without a body."""
    return [
        Case(with_length(*headers, method=method), HIDDEN, fate, statuses),
        Case(in_chunks(*headers, method=method), HIDDEN, fate, statuses),
        Case(request(*headers, method=method), b"", fate, statuses),
    ]
