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
    assert decode_body(sent, [("Content-Encoding", coding)], 10_000) == (BODY, True)


@pytest.mark.parametrize("coding", ["gzip", "x-own", "deflate"])
def test_a_wrong_or_unknown_coding_leaves_the_body(coding: str) -> None:
    body = b"no coding"
    assert decode_body(body, [("content-encoding", coding)], 10_000) == (body, False)


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


@pytest.mark.parametrize("headers", ["default", "contract"])
@pytest.mark.parametrize("coding", ["gzip", "x-own"])
def test_a_plain_body_that_is_said_to_be_coded_is_a_difference(coding: str, headers: str) -> None:
    targets = {
        "a": answers(BODY, TEXT),
        "b": answers(BODY, TEXT, ("Content-Encoding", coding)),
    }
    with comparing(targets, headers=headers) as compare:
        (found,) = compare("GET", "/").counting
    assert found.place == "header Content-Encoding"
    assert found.values == {"b": f"{coding}, (the body could not be decoded)"}


def test_the_same_coding_that_one_body_does_not_have_is_a_difference() -> None:
    gzipped = ("Content-Encoding", "gzip")
    coded, plain = answers(gzip.compress(BODY), TEXT, gzipped), answers(BODY, TEXT, gzipped)
    with comparing({"a": coded, "b": plain}) as compare:
        assert [found.place for found in compare("GET", "/").counting] == [
            "header Content-Encoding"
        ]
    with comparing({"a": plain, "b": plain}) as compare:
        assert compare("GET", "/").identical


# Without the time, which would give the test another name in each process.
@pytest.mark.parametrize("end", [b"", gzip.compress(b"more", mtime=0)])
def test_a_gzip_body_that_ends_elsewhere_is_not_decoded(end: bytes) -> None:
    whole = gzip.compress(BODY, mtime=0)
    sent = whole + end if end else whole[:-6]
    assert decode_body(sent, [("Content-Encoding", "gzip")], 10_000) == (sent, False)
    gzipped = ("Content-Encoding", "gzip")
    targets = {"a": answers(whole, TEXT, gzipped), "b": answers(sent, TEXT, gzipped)}
    with comparing(targets) as compare:
        found = [one.place for one in compare("GET", "/").counting]
    assert found == ["header Content-Encoding", "body"]
