"""The largest and the most hostile of each input costs about what a harmless one does."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.attack.client import Target, request
from tests.attack.cost import Meter, filled, statuses
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

LOGIN = "/django/admin/login/"
MB = 1024 * 1024
HEAD = 60_000  # bytes of a header or a query that just fits into a head

# Canonical ordering, and so each normal form, takes the square of their number.
MARKS = "\u0323\u0301"

addresses = count(1)


@pytest.fixture(scope="module")
def meter(migrated: SQLite | PostgreSQL) -> Iterator[Meter]:
    """A gateway with the limits that it has by default, which has been asked a little already."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("What a process computes is read from /proc")
    target = Target(free_port())
    command = ("gateway", "--port", target.port)
    env = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}
    with serve(*command, origin=target.origin, path="/flask/api/hello", env=env) as server:
        for path in ("/flask/api/users", "/fastapi/api/users", "/django/api/users", LOGIN) * 9:
            target.ask(f"GET {path} HTTP/1.1")
        yield Meter(target, server)


def from_elsewhere() -> str:
    """Write whom a request comes from: the admin counts those of each address."""
    number = next(addresses)
    return f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def get(path: str, *headers: str) -> bytes:
    """Write a GET request."""
    lines = (f"GET {path} HTTP/1.1", from_elsewhere(), "Connection: close", *headers)
    return request(*(line.encode("latin-1") for line in lines))


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Write a POST request."""
    length = f"Content-Length: {len(body)}"
    return request(f"POST {path} HTTP/1.1", length, "Connection: close", *headers, body=body)


def post_json(mount: str, body: bytes) -> bytes:
    """Write a request that creates a user."""
    return post(f"/{mount}/api/users", body, "Content-Type: application/json")


def log_in(meter: Meter, **fields: str) -> bytes:
    """Write an attempt to log in, with a CSRF token, from an address of its own.

    The password is empty, because hashing one costs more than all else.
    """
    cookie = meter.target.ask(f"GET {LOGIN} HTTP/1.1", from_elsewhere()).header("Set-Cookie")
    assert cookie is not None
    token = cookie.partition(";")[0].partition("=")[2]
    name = f"nobody-{next(addresses)}"
    form = {"csrfmiddlewaretoken": token, "username": name, "password": "", **fields}
    return post(
        LOGIN,
        urlencode(form).encode(),
        "Content-Type: application/x-www-form-urlencoded",
        f"Cookie: csrftoken={token}",
        from_elsewhere(),
    )


@pytest.mark.parametrize("field", ["username", "password", "next", "any", "csrfmiddlewaretoken"])
@pytest.mark.parametrize("size", [150, 1000, 5000, 50_000, 500_000])
def test_a_field_of_the_login(meter: Meter, field: str, size: int) -> None:
    if field == "password" and size <= 1000:
        pytest.skip("hashing it is what it costs")
    harmless = meter.least(log_in(meter, **{field: "x" * size}))
    for unit in (MARKS, "\ufdfa", "\x00", "%", " "):
        [answer] = meter.assert_no_dearer(log_in(meter, **{field: filled(size, unit)}), harmless)
        assert answer.status in ((200, 403) if size <= 1000 else (400, 413))


def test_a_form_of_many_fields(meter: Meter) -> None:
    harmless = meter.least(log_in(meter, **{f"f{place}": "x" * 500 for place in range(100)}))
    for number, status in ((280, 200), (400, 400), (9000, 400), (90_000, 413)):
        form = log_in(meter, **{f"f{place}": "" for place in range(number)})
        [answer] = meter.assert_no_dearer(form, harmless)
        assert answer.status == status


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n', 400),
        (f'--x\r\nContent-Disposition: form-data; name="{";" * 900}"\r\n\r\n\r\n', 400),
        (f'--x\r\nContent-Disposition: form-data; name="{";" * 60_000}"\r\n\r\n\r\n', 400),
        (f"--x\r\nContent-Disposition: form-data; name={'a' * 900}\r\n\r\n\r\n", 403),
    ],
)
def test_a_form_in_parts(meter: Meter, part: str, status: int) -> None:
    harmless = meter.least(log_in(meter, **{f"f{place}": "x" * 500 for place in range(100)}))
    body = filled(65_000, part, after="--x--\r\n").encode()
    headers = ("Content-Type: multipart/form-data; boundary=x", from_elsewhere())
    [answer] = meter.assert_no_dearer(post(LOGIN, body, *headers), harmless)
    assert answer.status == status


@pytest.mark.parametrize("name", ["next", "q", "any"])
def test_a_query_of_the_login(meter: Meter, name: str) -> None:
    harmless = meter.least(get(f"{LOGIN}?{name}={'x' * 1000}"))
    for unit in (MARKS, "\ufdfa"):
        value = filled(HEAD, quote(unit))
        for before in ("", "//", "https://"):
            [answer] = meter.assert_no_dearer(get(f"{LOGIN}?{name}={before}{value}"), harmless)
            assert answer.status == 400


TEXTS = [
    *("@", ".", "a.", "a@a.", "(", '\\"', "\\\\", " ", "\\u0000", "\\ud83d\\ude00"),
    *(MARKS, "\u00e9", "\u4e2d.", "\ufdfa"),
]


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize("member", ["email", "name", "any"])
def test_a_member_of_a_body(meter: Meter, mount: str, member: str) -> None:
    rest = {"name": "", "email": "x"}
    before = json.dumps({**rest, member: ""}).removesuffix('"}')
    for size in (300, 5000, 3 * MB):
        harmless = meter.least(post_json(mount, filled(size, "x", before, '"}').encode()))
        for unit in TEXTS:
            for after in ('"}', '@example.com"}'):
                bytes_each = len(unit.encode()) / len(unit)
                text = filled(int(size / bytes_each), unit, before, after)
                [answer] = meter.assert_no_dearer(post_json(mount, text.encode()), harmless)
                assert answer.status == 422


DOCUMENTS = {
    "arrays": (b'{"a":[', b"[],", b"0]}"),
    "numbers": (b'{"a":[', b"1,", b"0]}"),
    "members": (b"{", b'"a":0,', b'"a":0}'),
    "objects": (b'{"a":[', b"{},", b"0]}"),
    "nesting": (b"", b"[", b""),
    "nested members": (b"", b'{"a":', b""),
    "digits": (b'{"a":', b"9", b"}"),
    "large numbers": (b'{"a":[', b"9" * 4000 + b",", b"0]}"),
    "fraction": (b'{"a":0.', b"9", b"}"),
    "exponent": (b'{"a":1e', b"9", b"}"),
    "escapes": (b'{"a":"', b"\\u0041", b'"}'),
    "surrogates": (b'{"a":"', b"\\ud83d\\ude00", b'"}'),
    "backslashes": (b'{"a":"', b"\\\\", b'"}'),
    "quotes": (b"", b'"', b""),
    "nul": (b"", b"\x00", b""),
    "invalid": (b'{"a":"', b"\xff", b'"}'),
}


@pytest.mark.parametrize("mount", FRAMEWORKS)
def test_a_document(meter: Meter, mount: str) -> None:
    size = 10 * MB
    harmless = meter.least(post_json(mount, b'{"a":"' + b"x" * (size - 8) + b'"}'))
    for before, unit, after in DOCUMENTS.values():
        text = before + unit * ((size - len(before) - len(after)) // len(unit)) + after
        answers = meter.assert_no_dearer(post_json(mount, text), harmless)
        assert statuses(answers)[0] in (400, 422)


HEADERS = [
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization"),
    *("Cache-Control", "Content-Disposition", "Content-Type", "Cookie", "Date", "Expect"),
    *("Forwarded", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Last-Event-ID"),
    *("Link", "Max-Forwards", "Origin", "Prefer", "Range", "Referer", "TE", "User-Agent", "Via"),
    *("X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID", "traceparent"),
    *("webhook-id", "webhook-signature", "webhook-timestamp"),
]
UNITS = [
    *(";", ",", "=", '"', "\\", '\\"', " ", "\t", "a", "0", "%", "*", "-", ".", "/", ":"),
    *("; ", ", ", ";a=", ';a="b"', ';a="', ',"', '","', ";a*0=b", "0-0,", "a/b,", 'W/"a",', "\xe9"),
]
BEGINNINGS = ["", 'x;"', 'a="', "Digest a="]
PATHS = [
    *(f"/{mount}/api/users" for mount in FRAMEWORKS),
    *("/fastapi/api/users/export", LOGIN, "/django/static/admin/css/base.css", "/static/style.css"),
    "/flask/api/me",
]


@pytest.mark.parametrize("name", HEADERS)
def test_a_header(meter: Meter, name: str) -> None:
    for path in PATHS:
        harmless = meter.least(get(path, "X-Any: " + "x" * HEAD))
        for before in BEGINNINGS:
            for unit in UNITS:
                value = filled(HEAD, unit, before, '"' if '"' in before else "")
                answers = meter.assert_no_dearer(get(path, f"{name}: {value}"), harmless)
                assert statuses(answers)[0] < 500
