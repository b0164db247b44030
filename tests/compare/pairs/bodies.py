"""Pairs that differ in a body as a whole: JSON lines, text, charsets, binary data."""

import gzip
import hashlib

from framework_gateway.compare.findings import Kind
from tests.compare.pairs.model import JSON, LINES, TEXT, Pair, answers

LATIN = b"\xe9"
IMAGE = b"\x89PNG\x00"


def digest(body: bytes) -> str:
    """Return the digits of a digest that are shown."""
    return hashlib.sha256(body).hexdigest()[:16]


MISSING, VALUE, TYPE, SPELLING = Kind.MISSING, Kind.VALUE, Kind.TYPE, Kind.SPELLING
BODIES = [
    Pair(
        "JSON other bytes, exact",
        answers('{"a": 1}', JSON),
        answers('{"a":1}', JSON),
        "body",
        SPELLING,
        ('{"a": 1}', '{"a":1}'),
        options={"exact": True},
    ),
    Pair(
        "JSON lines",
        answers('{"a": 1}\n{"a": 2}\n', LINES),
        answers('{"a": 1}\n{"a": 3}\n', LINES),
        "body /1/a",
        VALUE,
        ("2", "3"),
    ),
    Pair(
        "JSON lines fewer",
        answers("1\n2\n", ("Content-Type", "application/jsonl")),
        answers("1\n", ("Content-Type", "application/jsonl")),
        "body /1",
        MISSING,
        ("2", None),
    ),
    Pair(
        "text",
        answers("tea, hot", TEXT),
        answers("tea, cold", TEXT),
        "body",
        VALUE,
        ("tea, hot", "tea, cold"),
    ),
    Pair(
        "line ends",
        answers("a\r\nb", TEXT),
        answers("a\nb", TEXT),
        "body",
        VALUE,
        (r"a\r\nb", r"a\nb"),
    ),
    Pair("last line end", answers("a\n", TEXT), answers("a", TEXT), "body", VALUE, (r"a\n", "a")),
    Pair(
        "another charset",
        answers("é".encode(), TEXT),
        answers(b"\xe9", ("Content-Type", "text/plain; charset=iso-8859-1")),
        "header Content-Type",
        Kind.HEADER,
        ("text/plain; charset=utf-8", "text/plain; charset=iso-8859-1"),
    ),
    Pair(
        "not in its charset",
        answers("é".encode(), TEXT),
        answers(b"\xe9", TEXT),
        "body",
        TYPE,
        (
            f"2 bytes, sha256 {digest('é'.encode())}…, at byte 0: c3 a9",
            f"1 byte, sha256 {digest(LATIN)}…, at byte 0: e9",
        ),
    ),
    Pair(
        "one bit of an image",
        answers(IMAGE + bytes([1]), ("Content-Type", "image/png")),
        answers(IMAGE + bytes([2]), ("Content-Type", "image/png")),
        "body",
        VALUE,
        (
            f"6 bytes, sha256 {digest(IMAGE + bytes([1]))}…, at byte 5: 01",
            f"6 bytes, sha256 {digest(IMAGE + bytes([2]))}…, at byte 5: 02",
        ),
    ),
    Pair(
        "binary, longer",
        answers(b"\x00"),
        answers(b"\x00\x00"),
        "body",
        VALUE,
        (
            f"1 byte, sha256 {digest(bytes(1))}…, at byte 1: end",
            f"2 bytes, sha256 {digest(bytes(2))}…, at byte 1: 00",
        ),
    ),
    Pair(
        "compressed, other text",
        answers(gzip.compress(b"one", mtime=0), TEXT, ("Content-Encoding", "gzip")),
        answers(gzip.compress(b"two", mtime=0), TEXT, ("Content-Encoding", "gzip")),
        "body",
        VALUE,
        ("one", "two"),
        headers={"Accept-Encoding": "gzip"},
    ),
]
