"""The largest and most hostile input of each kind costs about as much as a harmless one."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from websockets.frames import Frame, Opcode

from tests.assets import STYLE
from tests.attack.client import Target, request
from tests.attack.cost import TRIES, Cost, Meter, filled, statuses
from tests.attack.test_connections import LIVE, handshake
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.sampling import every, pairs
from tests.servers import serve
from tests.test_admin import create_account
from tests.wsgi.clients import read_to_end

LOGIN = "/django/admin/login/"
MB = 1024 * 1024
LONGEST_LINE = 8 * 1024  # bytes of a log line
HEAD = 60_000  # bytes of a header or query that just fits into a request head

# Canonical ordering, and therefore every normal form, takes quadratic time in their number.
MARKS = "\u0323\u0301"

addresses = count(1)


@pytest.fixture(scope="module")
def meter(migrated: SQLite | PostgreSQL) -> Iterator[Meter]:
    """A gateway with the default limits, which has served some requests already."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("This test reads processor times from /proc")
    target = Target(free_port())
    command = ("gateway", "--port", target.port)
    env = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}
    with serve(*command, origin=target.origin, path="/flask/api/hello", env=env) as server:
        for path in ("/flask/api/users", "/fastapi/api/users", "/django/api/users", LOGIN) * 9:
            target.ask(f"GET {path} HTTP/1.1")
        yield Meter(target, server)
        assert max(len(line.encode()) for line in server.output.splitlines()) <= LONGEST_LINE


def new_client_address() -> str:
    """Return a header with a new client address: the admin counts requests by address."""
    number = next(addresses)
    return f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def get(path: str, *headers: str) -> bytes:
    """Write a GET request."""
    lines = (f"GET {path} HTTP/1.1", new_client_address(), "Connection: close", *headers)
    return request(*(line.encode("latin-1") for line in lines))


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Write a POST request."""
    length = f"Content-Length: {len(body)}"
    return request(f"POST {path} HTTP/1.1", length, "Connection: close", *headers, body=body)


def post_json(mount: str, body: bytes) -> bytes:
    """Build a request that creates a user."""
    return post(f"/{mount}/api/users", body, "Content-Type: application/json")


def log_in(meter: Meter, **fields: str) -> bytes:
    """Build a login attempt with a CSRF token, from a client address of its own.

    The password is empty, because hashing one would cost more than everything else.
    """
    cookie = meter.target.ask(f"GET {LOGIN} HTTP/1.1", new_client_address()).header("Set-Cookie")
    assert cookie is not None
    token = cookie.partition(";")[0].partition("=")[2]
    name = f"nobody-{next(addresses)}"
    form = {"csrfmiddlewaretoken": token, "username": name, "password": "", **fields}
    return post(
        LOGIN,
        urlencode(form).encode(),
        "Content-Type: application/x-www-form-urlencoded",
        f"Cookie: csrftoken={token}",
        new_client_address(),
    )


@pytest.mark.parametrize("field", ["username", "password", "next", "any", "csrfmiddlewaretoken"])
@pytest.mark.parametrize("size", [150, 1000, 5000, 50_000, 500_000])
def test_a_hostile_login_field_costs_about_as_much_as_a_harmless_one(
    meter: Meter, field: str, size: int
) -> None:
    if field == "password" and size <= 1000:
        pytest.skip("hashing a password is expensive on purpose")
    harmless = meter.least(log_in(meter, **{field: "x" * size}))
    for unit in (MARKS, "\ufdfa", "\x00", "%", " "):
        [answer] = meter.assert_costs_about(log_in(meter, **{field: filled(size, unit)}), harmless)
        assert answer.status in ((200, 403) if size <= 1000 else (400, 413))


def test_a_form_with_many_fields_costs_about_as_much_as_a_harmless_one(meter: Meter) -> None:
    harmless = meter.least(log_in(meter, **{f"f{place}": "x" * 500 for place in range(100)}))
    for number, status in ((280, 200), (400, 400), (9000, 400), (90_000, 413)):
        form = log_in(meter, **{f"f{place}": "" for place in range(number)})
        [answer] = meter.assert_costs_about(form, harmless)
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
def test_a_hostile_multipart_form_costs_about_as_much_as_a_harmless_one(
    meter: Meter, part: str, status: int
) -> None:
    harmless = meter.least(log_in(meter, **{f"f{place}": "x" * 500 for place in range(100)}))
    body = filled(65_000, part, after="--x--\r\n").encode()
    headers = ("Content-Type: multipart/form-data; boundary=x", new_client_address())
    [answer] = meter.assert_costs_about(post(LOGIN, body, *headers), harmless)
    assert answer.status == status


@pytest.mark.parametrize("name", ["next", "q", "any"])
def test_a_hostile_login_query_costs_about_as_much_as_a_harmless_one(
    meter: Meter, name: str
) -> None:
    harmless = meter.least(get(f"{LOGIN}?{name}={'x' * 1000}"))
    for unit in (MARKS, "\ufdfa"):
        value = filled(HEAD, quote(unit))
        for before in ("", "//", "https://"):
            [answer] = meter.assert_costs_about(get(f"{LOGIN}?{name}={before}{value}"), harmless)
            assert answer.status == 400


TEXTS = [
    *("@", ".", "a.", "a@a.", "(", '\\"', "\\\\", " ", "\\u0000", "\\ud83d\\ude00"),
    *(MARKS, "\u00e9", "\u4e2d.", "\ufdfa"),
]


@pytest.mark.parametrize(("member", "mount"), pairs(["email", "name", "any"], FRAMEWORKS))
def test_a_hostile_body_member_costs_about_as_much_as_a_harmless_one(
    meter: Meter, member: str, mount: str
) -> None:
    rest = {"name": "", "email": "x"}
    before = json.dumps({**rest, member: ""}).removesuffix('"}')
    for size in (300, 5000, 3 * MB):
        harmless = meter.least(post_json(mount, filled(size, "x", before, '"}').encode()))
        for unit in TEXTS:
            for after in ('"}', '@example.com"}'):
                bytes_each = len(unit.encode()) / len(unit)
                text = filled(int(size / bytes_each), unit, before, after)
                [answer] = meter.assert_costs_about(post_json(mount, text.encode()), harmless)
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
def test_a_hostile_json_document_costs_about_as_much_as_a_harmless_one(
    meter: Meter, mount: str
) -> None:
    size = 10 * MB
    harmless = meter.least(post_json(mount, b'{"a":"' + b"x" * (size - 8) + b'"}'))
    for before, unit, after in DOCUMENTS.values():
        text = before + unit * ((size - len(before) - len(after)) // len(unit)) + after
        answers = meter.assert_costs_about(post_json(mount, text), harmless)
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
    *(";", ",", '"', "\\", '\\"', " ", "\t", "a", "0", "%", ".", "; ", ", ", ";a=", ',"', "0-0,"),
    *(";a*0=b", 'W/"a",', "\xe9"),
]
BEGINNINGS = ["", 'x;"', 'Digest a="']
PATHS = ["/flask/api/me", "/fastapi/api/users/export", LOGIN, STYLE]


@pytest.mark.parametrize(("name", "path"), pairs(HEADERS, PATHS))
def test_a_hostile_header_costs_about_as_much_as_a_harmless_one(
    meter: Meter, name: str, path: str
) -> None:
    harmless = meter.least(get(path, "X-Any: " + "x" * HEAD))
    for before in BEGINNINGS:
        for unit in UNITS:
            value = filled(HEAD, unit, before, '"' if '"' in before else "")
            answers = meter.assert_costs_about(get(path, f"{name}: {value}"), harmless)
            assert statuses(answers)[0] < 500


@pytest.mark.parametrize("path", [*(f"/{mount}/api/users" for mount in FRAMEWORKS), LOGIN, "/"])
def test_a_hostile_path_costs_about_as_much_as_a_harmless_one(meter: Meter, path: str) -> None:
    harmless = meter.least(get(filled(HEAD, "%61", f"{path}/")))
    for unit in ("/", "x/", "%2f", "%CC%A3%CC%81", "%00", "%ff", "9", "..%2f", "%25", ";", "."):
        [answer] = meter.assert_costs_about(get(filled(HEAD, unit, f"{path}/")), harmless)
        assert answer.status in (400, 404)


@pytest.mark.parametrize("path", [*(f"/{mount}/api/users" for mount in FRAMEWORKS), LOGIN, "/"])
@pytest.mark.parametrize("before", ["", "search=", "limit=", "after=", "x="])
def test_a_hostile_query_costs_about_as_much_as_a_harmless_one(
    meter: Meter, path: str, before: str
) -> None:
    harmless = meter.least(get(f"{path}?{filled(HEAD, 'name=value&')}"))
    for unit in ("&", "=", "a=&", "%", "%CC%A3%CC%81", "+", "9", ";", "[", "%00", '"', "\\"):
        [answer] = meter.assert_costs_about(get(f"{path}?{filled(HEAD, unit, before)}"), harmless)
        assert answer.status in (200, 400, 422)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-signature", "webhook-timestamp", "body"])
def test_a_hostile_webhook_costs_about_as_much_as_a_harmless_one(meter: Meter, name: str) -> None:
    path = "/flask/webhooks/users"
    harmless = meter.least(post(path, b"x" * MB, "X-Any: " + "x" * HEAD))
    for unit in ("v1,", "v1,x ", " ", "9", "=", ".", "e", "_"):
        value = filled(HEAD, unit)
        headers = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        lines = [f"{key}: {text}" for key, text in {**headers, name: value}.items()]
        [answer] = meter.assert_costs_about(post(path, b"x" * MB, *lines), harmless)
        assert answer.status in (403, 503)


@pytest.fixture(scope="module")
def staff(meter: Meter) -> str:
    """The session of a staff account that may view and change everything in the admin."""
    from django.test import Client

    session = Client()
    session.force_login(create_account())
    return session.cookies["sessionid"].value


ADMIN_QUERIES = [
    *("q=", "o=", "p=", "all=", "e=", "_changelist_filters=", "created_at__gte=", "_popup="),
    *("created_at__year=", "name__regex=", "name__icontains=", "id__in=", "pk__exact="),
]
ADMIN_LISTS = ["django_app/user/", "django_app/userevent/", "auth/user/"]


@pytest.mark.parametrize(("query", "page"), pairs(ADMIN_QUERIES, ADMIN_LISTS))
def test_a_hostile_admin_query_costs_about_as_much_as_a_harmless_one(
    meter: Meter, staff: str, query: str, page: str
) -> None:
    path, cookie = f"/django/admin/{page}", f"Cookie: sessionid={staff}"
    harmless = meter.least(get(f"{path}?q={'x' * 1000}", cookie))
    for unit in ("a+", "9", "%22", "'", "%CC%A3%CC%81", "%EF%B7%BA", ",", "1,", ".", "(a%2B)%2B"):
        for size in (1000, HEAD):
            data = get(f"{path}?{query}{filled(size, unit)}", cookie)
            [answer] = meter.assert_costs_about(data, harmless)
            assert answer.status in (200, 302, 400)


def test_a_hostile_admin_path_costs_about_as_much_as_a_harmless_one(
    meter: Meter, staff: str
) -> None:
    cookie = f"Cookie: sessionid={staff}"
    harmless = meter.least(get(f"/django/admin/{'%61' * (HEAD // 3)}", cookie))
    for unit in ("9", "_5F", "/", "%CC%A3%CC%81", "%5B"):
        for size in (1000, HEAD):
            path = filled(size, unit, "/django/admin/django_app/user/", "/change/")
            [answer] = meter.assert_costs_about(get(path, cookie), harmless)
            assert answer.status in (302, 400, 404)


@pytest.mark.parametrize(
    ("page", "field"),
    [
        *every(3, [("django_app/user/add/", field) for field in ("name", "email", "any")]),
        *every(2, [("django_app/apitoken/add/", field) for field in ("name", "owner")]),
        *every(2, [("auth/user/add/", field) for field in ("username", "usable_password")]),
        *every(2, [("auth/group/add/", field) for field in ("name", "permissions")]),
        *every(3, [("django_app/user/", name) for name in ("action", "_selected_action", "index")]),
    ],
)
def test_a_hostile_admin_field_costs_about_as_much_as_a_harmless_one(
    meter: Meter, staff: str, page: str, field: str
) -> None:
    token = "x" * 32
    form = "Content-Type: application/x-www-form-urlencoded"
    headers = (form, f"Cookie: sessionid={staff}; csrftoken={token}")

    def data(value: str) -> bytes:
        fields = {"csrfmiddlewaretoken": token, field: value}
        path = f"/django/admin/{page}"
        return post(path, urlencode(fields).encode(), *headers, new_client_address())

    for size in (250, 1000, 5000, 60_000):
        harmless = meter.least(data("x" * size))
        for unit in (MARKS, "\ufdfa", "@", "a@a.", "9", " ", "\x00"):
            [answer] = meter.assert_costs_about(data(filled(size, unit)), harmless)
            assert answer.status in ((200, 302, 400) if size <= 1000 else (400, 413))


FRAMES = {
    "pings": Frame(Opcode.PING, b""),
    "pongs": Frame(Opcode.PONG, b""),
    "messages": Frame(Opcode.TEXT, b""),
    "pieces": Frame(Opcode.TEXT, b"", fin=False),
    "rest of nothing": Frame(Opcode.CONT, b"", fin=False),
    "not UTF-8": Frame(Opcode.TEXT, b"\xff" * 100),
    "goodbyes": Frame(Opcode.CLOSE, b""),
}


def converse(meter: Meter, data: bytes) -> Cost:
    """Return the cost of a WebSocket on which the client sends these bytes."""
    before = meter.read()
    with meter.target.connect() as connection:
        connection.sendall(request(LIVE, *handshake()))
        assert connection.recv(12) == b"HTTP/1.1 101"
        with suppress(OSError):  # the server disconnects it while it is still sending
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            read_to_end(connection)
    after = meter.read()
    return Cost(after.loop - before.loop, after.all - before.all)


@pytest.mark.parametrize("kind", FRAMES)
def test_hostile_websocket_frames_cost_about_as_much_as_harmless_ones(
    meter: Meter, kind: str
) -> None:
    message = Frame(Opcode.BINARY, b"x" * MB).serialize(mask=True)
    harmless = Cost.least(converse(meter, message) for _ in range(TRIES))
    frame = FRAMES[kind].serialize(mask=True)
    flood = Cost.least(converse(meter, frame * (MB // len(frame))) for _ in range(TRIES))
    assert flood.is_about_equal_to(harmless)
