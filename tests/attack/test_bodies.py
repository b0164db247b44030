"""Bodies and queries that are too large, too deep, too long or not text."""

import gzip
import json

import pytest

from tests.attack.client import Target, request
from tests.attack.conftest import MAX_BODY_SIZE
from tests.conftest import FRAMEWORKS
from tests.wsgi.clients import Answer

DEEP = 20_000
LONG = "9" * 20_000
SAME_ID = "X-Request-ID: attack"  # problem documents contain it


def post(target: Target, mount: str, body: bytes, *headers: str) -> Answer:
    """Send a body as JSON to the users of a mounted framework."""
    line = f"POST /{mount}/api/users HTTP/1.1"
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", SAME_ID, *headers)
    return target.ask(line, *lines, body=body)


def with_name(name: bytes) -> bytes:
    """Return a user's JSON with these bytes as the name."""
    return b'{"email":"x@example.com","name":' + name + b"}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * DEEP, 400),
        (b"[" * DEEP + b"]" * DEEP, 400),
        (b'{"a":' * (DEEP // 2) + b"1" + b"}" * (DEEP // 2), 400),
        (with_name(b"[" * DEEP + b"]" * DEEP), 400),
        (LONG.encode(), 400),
        (with_name(LONG.encode()), 400),
        (with_name(b"-" + LONG.encode()), 400),
        (with_name(b"1e" + LONG.encode()), 422),
        (with_name(b"1e400"), 422),
        (with_name(b"0." + LONG.encode()), 422),
        (with_name(b"NaN"), 400),
        (with_name(b"-Infinity"), 400),
        (with_name(b'"\\u0000"'), 422),
        (with_name(b'"a\\u0000b"'), 422),
        (with_name(b'"\\ud800"'), 400),
        (with_name(b'"\x00"'), 400),
        (with_name(b'"\xff"'), 400),
        (with_name(b'"\xed\xa0\x80"'), 400),
        (with_name(b'"\xc0\xaf"'), 400),
        (with_name(b'"' + b"x" * 50_000 + b'"'), 422),
        (b'{"name":"x","email":"' + b"@" * 50_000 + b'"}', 422),
        (b'{"name":"x","email":"' + b"a." * 25_000 + b'@example.com"}', 422),
        (b"{" + b",".join(b'"m%d":0' % number for number in range(8000)) + b"}", 422),
        (b'{"name":1,"name":2}', 422),
        (b"\xef\xbb\xbf{}", 400),
        ("{}".encode("utf-16"), 400),
        (b"\x00" * 1000, 400),
        (b"", 400),
        (b'"' * 1001, 400),
        (b"null", 422),
        (b"name=x&email=x@example.com", 400),
    ],
)
def test_all_frameworks_refuse_hostile_json_with_the_same_response(
    target: Target, body: bytes, status: int
) -> None:
    answers = [post(target, mount, body) for mount in FRAMEWORKS]
    assert [answer.status for answer in answers] == [status] * 3
    assert len({answer.body for answer in answers}) == 1
    assert json.loads(answers[0].body)["status"] == status


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "compress"])
def test_request_bodies_are_not_decompressed(target: Target, coding: str) -> None:
    """A decompression bomb of a few kilobytes keeps its size."""
    bomb = gzip.compress(b"[" * 10_000_000)
    for mount in FRAMEWORKS:
        assert post(target, mount, bomb, f"Content-Encoding: {coding}").status == 400


@pytest.mark.parametrize("mount", [*FRAMEWORKS, "compare"])
def test_a_body_too_large_is_refused(target: Target, mount: str) -> None:
    line = f"POST /{mount}/api/users HTTP/1.1"
    headers = (line, "Content-Type: application/json", "Connection: close")
    declared = request(*headers, f"Content-Length: {MAX_BODY_SIZE + 1}")
    chunk = b"%x\r\n%s\r\n" % (MAX_BODY_SIZE // 2, b" " * (MAX_BODY_SIZE // 2))
    chunked = request(*headers, "Transfer-Encoding: chunked", body=3 * chunk + b"0\r\n\r\n")
    many = request(*headers, "Transfer-Encoding: chunked", body=b"1\r\n \r\n" * (MAX_BODY_SIZE + 9))
    for data in (declared, chunked, many):
        [answer] = target.send(data)
        assert answer.status in (413, 431)


def test_a_body_after_its_response_leaves_no_connection_open(target: Target) -> None:
    chunk = b"%x\r\n%s\r\n" % (MAX_BODY_SIZE, b" " * MAX_BODY_SIZE)
    attacks = [
        request(
            *(f"POST /{mount}/api/users HTTP/1.1", "Transfer-Encoding: chunked"),
            body=3 * chunk + b"0\r\n\r\n",
        )
        for mount in FRAMEWORKS
    ]
    found = target.send_each(attacks)
    assert [[answer.status for answer in answers] for answers in found] == [[413], [413], [413]]


@pytest.mark.parametrize(
    "query",
    [
        *("search=%00", "search=%ff", "search=%ed%a0%80", "search=" + "x" * 9000, "search=%"),
        *("search=%zz", "search=%25", "search=_", "search=%5c", "search='", 'search="'),
        *("search=%27%20OR%201%3d1--", "limit=" + LONG[:9000], "limit=-1", "limit=1e3", "limit="),
        *("limit=%D9%A1", "after=" + LONG[:9000], "after=9223372036854775808", "after=-1"),
        *("after=%00", "limit=1&limit=2", "&" * 9000, "=" * 9000, "a[b]=c", "a%00b=c", ";", "%ff"),
        "&".join(f"p{number}=" for number in range(1500)),
    ],
)
def test_all_frameworks_answer_hostile_queries_the_same(target: Target, query: str) -> None:
    answers = [
        target.ask(f"GET /{mount}/api/users?{query} HTTP/1.1", SAME_ID) for mount in FRAMEWORKS
    ]
    assert answers[0].status in (200, 422)
    assert {(answer.status, answer.body) for answer in answers} == {
        (answers[0].status, answers[0].body)
    }


@pytest.mark.parametrize(
    "path",
    [
        "/django/admin/login/",
        "/fastapi/api/users/events",
        "/fastapi/api/users/export",
        "/compare/api/users",
        "/code",
    ],
)
def test_hostile_queries_cause_no_server_error(target: Target, path: str) -> None:
    for query in ("next=%00", "after=x", "operation=%ff%00", "limit=" + LONG[:9000], "%" * 500):
        if path.endswith("events") and "after" not in query:
            continue  # an endless stream
        assert target.ask(f"GET {path}?{query} HTTP/1.1").status < 500


@pytest.mark.parametrize(
    "media_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain",
    ],
)
def test_hostile_forms_cause_no_server_error(target: Target, media_type: str) -> None:
    csrf = "x" * 32
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    for body in (
        b"\xff\x00=%ff%00&csrfmiddlewaretoken=" + csrf.encode(),
        b"&".join(b"p%d=" % number for number in range(9000)),
        b"--x\r\nContent-Disposition: form-data; name=" + b"a" * 9000,
        part % (b"csrfmiddlewaretoken", csrf.encode())
        + part % (b"username", b"\x00" * 99)
        + b"--x--",
        b"".join(part % (b"f%d" % number, b"") for number in range(1200)) + b"--x--",
    ):
        answer = target.ask(
            *("POST /django/admin/login/ HTTP/1.1", f"Cookie: csrftoken={csrf}"),
            *(f"Content-Type: {media_type}", f"Content-Length: {len(body)}"),
            body=body,
        )
        assert answer.status in (200, 400, 403)


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /flask/api/hello?" + "x" * 30_000 + " HTTP/1.1"],
        ["GET /" + "x" * 30_000 + " HTTP/1.1"],
        ["GET /flask/api/hello HTTP/1.1", "X: " + "x" * 30_000],
        ["GET /flask/api/hello HTTP/1.1", "x" * 30_000 + ": x"],
        ["GET /flask/api/hello HTTP/1.1", *["X: x"] * 60],
        ["GET /flask/api/hello HTTP/1.1", *["Cookie: " + "a=b; " * 200] * 30],
        [
            "GET /fastapi/api/users/live HTTP/1.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            *["X: x"] * 60,
        ],
    ],
)
def test_a_head_too_large_is_refused(target: Target, lines: list[str]) -> None:
    assert target.ask(*lines).status == 431


def test_an_endless_head_is_refused(target: Target) -> None:
    [answer] = target.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000)
    assert answer.status == 431
