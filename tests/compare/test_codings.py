"""The content coding of a body is removed, whatever it is, and never fills the memory."""

import gzip
import zlib

import pytest

from framework_gateway.compare.codings import decode_body
from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.messages import Failure, NoAnswer
from tests.compare.pairs import TEXT, answers

BODY = b"tea " * 1000


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("GZIP", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("gzip, deflate", zlib.compress(gzip.compress(BODY, mtime=0))),
    ],
)
def test_a_coding_is_removed(coding: str, sent: bytes) -> None:
    assert decode_body(sent, [("Content-Encoding", coding)], 10_000) == BODY


@pytest.mark.parametrize("coding", ["gzip", "x-own", "deflate"])
def test_a_wrong_or_unknown_coding_leaves_the_body(coding: str) -> None:
    assert decode_body(b"no coding", [("content-encoding", coding)], 10_000) == b"no coding"


def test_a_body_that_grows_beyond_the_limit_is_no_answer() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(NoAnswer, match="longer than 100000 bytes"):
        decode_body(bomb, [("Content-Encoding", "gzip")], 100_000)
    application = answers(bomb, TEXT, ("Content-Encoding", "gzip"))
    with comparing({"a": application, "b": application}) as compare:
        comparison = compare("GET", "/")
    assert {answer.failure for answer in comparison.answers} == {Failure.TOO_LONG}


def test_both_sizes_are_said() -> None:
    sent = gzip.compress(BODY)
    application = answers(sent, TEXT, ("Content-Encoding", "gzip"))
    with comparing({"a": application, "b": answers(BODY, TEXT)}) as compare:
        comparison = compare("GET", "/")
    assert comparison.identical, str(comparison)
    sizes = [(one["size"], one["wire_size"]) for one in comparison.as_dict()["answers"]]
    assert sizes == [(4000, len(sent)), (4000, 4000)]
