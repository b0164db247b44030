"""Remove the content coding of a body (gzip, deflate, and others if their packages are there)."""

import zlib
from collections.abc import Iterator, Sequence

import httpx2 as httpx

from framework_gateway.compare.messages import Failure, NoAnswer

PIECE = 1024  # bytes decoded at once, so that a small body cannot fill the memory


class Pieces(httpx.SyncByteStream):
    """A body in small pieces."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), PIECE):
            yield self.body[start : start + PIECE]


def decode_body(
    body: bytes, headers: Sequence[tuple[str, str]], max_size: int
) -> tuple[bytes, bool]:
    """Return a body without its content coding (RFC 9110, 8.4), and whether that succeeded.

    A body whose coding is unknown, wrong or incomplete is returned as it is.

    Raises:
        NoAnswer: the body is longer than ``max_size`` without its coding.
    """
    codings = [(name, value) for name, value in headers if name.lower() == "content-encoding"]
    if not body or not codings:
        return body, True
    response = httpx.Response(200, headers=codings, stream=Pieces(body))
    decoded = bytearray()
    try:
        for piece in response.iter_bytes():
            decoded += piece
            if len(decoded) > max_size:
                reason = f"the answer is longer than {max_size} bytes"
                raise NoAnswer(reason, Failure.TOO_LONG)
    except httpx.DecodingError:
        return body, False
    names = {value.strip().lower() for _, value in codings}
    if names == {"gzip"} and not is_whole(body, decoded):
        return body, False
    # httpx leaves a body as it is if it does not know the coding.
    return bytes(decoded), names <= {"", "identity"} or decoded != body


def is_whole(body: bytes, decoded: bytes | bytearray) -> bool:
    """Return whether a gzip body ends with the checksum and the length of its content.

    If its end is missing (RFC 1952, 2.3.1), or another member follows, httpx says nothing.
    """
    length = len(decoded) & 0xFFFFFFFF
    return body[-8:] == zlib.crc32(decoded).to_bytes(4, "little") + length.to_bytes(4, "little")
