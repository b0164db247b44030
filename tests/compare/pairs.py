"""Pairs of small applications: most differ in one thing, some in nothing that matters."""

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework_gateway.compare.findings import Kind

Header = tuple[str, str]
JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")


LATIN = b"\xe9"
IMAGE = b"\x89PNG\x00"


def digest(body: bytes) -> str:
    """Return the digits of a digest that are shown."""
    return hashlib.sha256(body).hexdigest()[:16]


def answers(
    body: bytes | str = b"",
    *headers: Header,
    status: int = 200,
    pieces: Sequence[bytes] | None = None,
) -> Callable[..., Any]:
    """Return an ASGI application with one answer; a whole body has a Content-Length."""
    data = body.encode() if isinstance(body, str) else body
    fields = [*headers]
    if pieces is None and status not in (204, 304):
        fields.append(("Content-Length", str(len(data))))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for piece in (data,) if pieces is None else pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return application


def wsgi(body: bytes, *headers: Header, status: str = "200 OK") -> Callable[..., Any]:
    """Return a WSGI application with one answer."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return application


def by_path(**applications: Callable[..., Any]) -> Callable[..., Any]:
    """Return an application that answers by the last letter of the path; ``slash`` is for ``/``."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        name = "slash" if scope["path"].endswith("/") else "plain"
        await applications[name](scope, receive, send)

    return application


def by_method(**applications: Callable[..., Any]) -> Callable[..., Any]:
    """Return an application that answers by the method; ``other`` is for all others."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        chosen = applications.get(scope["method"], applications.get("other"))
        assert chosen is not None
        await chosen(scope, receive, send)

    return application


@dataclass(frozen=True)
class Pair:
    """Two applications, a request, and what a comparison must find.

    Attributes:
        place: the place of the difference; empty if there is none.
        values: the values of ``old`` and ``new`` as they must be shown; None if it has none.
        counts: whether the difference decides the verdict.
        options: arguments of ``comparing``.
    """

    name: str
    old: Callable[..., Any]
    new: Callable[..., Any]
    place: str = ""
    kind: Kind | None = None
    values: tuple[str | None, str | None] = (None, None)
    counts: bool = True
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def header(name: str, old: str | None, new: str | None, label: str = "", **more: Any) -> Pair:
    """Return a pair that differs in one header."""
    made = [answers(b"", *([(name, value)] if value is not None else [])) for value in (old, new)]
    kind = Kind.MISSING if old is None or new is None else Kind.HEADER
    return Pair(
        label or f"{name}: {old} / {new}", *made, f"header {name}", kind, (old, new), **more
    )


def cookie(
    label: str, old: str | None, new: str | None, shown: tuple[str | None, str | None]
) -> Pair:
    """Return a pair that differs in the cookie ``sid``."""
    made = [
        answers(b"", *([("Set-Cookie", value)] if value is not None else []))
        for value in (old, new)
    ]
    kind = Kind.MISSING if None in shown else Kind.HEADER
    return Pair(f"cookie {label}", *made, "header Set-Cookie sid", kind, shown)


def json(label: str, old: str, new: str, place: str, kind: Kind, *values: str | None) -> Pair:
    """Return a pair that differs in one place of a JSON body."""
    made = [answers(text, JSON) for text in (old, new)]
    shown = (values[0], values[1])
    return Pair(f"JSON {label}", *made, f"body {place}".rstrip(), kind, shown)


def status(
    label: str, old: Callable[..., Any], new: Callable[..., Any], *values: str, **more: Any
) -> Pair:
    """Return a pair that differs in the status."""
    return Pair(f"status {label}", old, new, "status", Kind.STATUS, (values[0], values[1]), **more)


OK = answers("{}", JSON)
MISSING, VALUE, TYPE, NULL = Kind.MISSING, Kind.VALUE, Kind.TYPE, Kind.NULL
SPELLING, ORDER, REPEATED = Kind.SPELLING, Kind.ORDER, Kind.REPEATED

STATUSES = [
    status("created or not", OK, answers("{}", JSON, status=201), "200", "201"),
    status("gone or never there", *(answers(b"", status=s) for s in (404, 410)), "404", "410"),
    status("no content or empty", answers(status=204), answers(status=200), "204", "200"),
    status("which validation is first", *(answers(status=s) for s in (400, 422)), "400", "422"),
    status("which check is first", *(answers(status=s) for s in (401, 403)), "401", "403"),
    status("found or temporary redirect", *(answers(status=s) for s in (302, 307)), "302", "307"),
    status("moved or permanent redirect", *(answers(status=s) for s in (301, 308)), "301", "308"),
    status("not modified or whole", answers(status=304), answers(status=200), "304", "200"),
    status(
        "trailing slash",
        by_path(slash=OK, plain=answers(status=404)),
        by_path(slash=answers(status=404), plain=answers(status=404)),
        "200",
        "404",
        path="/items/",
    ),
    status(
        "redirect to the slash or answered",
        by_path(slash=OK, plain=answers(b"", ("Location", "/items/"), status=308)),
        by_path(slash=OK, plain=OK),
        "308",
        "200",
        path="/items",
    ),
    status(
        "method not allowed or not found",
        by_method(GET=OK, other=answers(status=405)),
        by_method(GET=OK, other=answers(status=404)),
        "405",
        "404",
        method="DELETE",
    ),
    status(
        "HEAD where GET is",
        by_method(GET=OK, HEAD=OK),
        by_method(GET=OK, other=answers(status=405)),
        "200",
        "405",
        method="HEAD",
    ),
    status(
        "OPTIONS",
        by_method(OPTIONS=answers(status=204), other=OK),
        by_method(OPTIONS=answers(status=200), other=OK),
        "204",
        "200",
        method="OPTIONS",
    ),
]

HEADERS = [
    header("Content-Type", "text/plain", "text/html"),
    header("Content-Type", "text/plain; charset=utf-8", "text/plain; charset=iso-8859-1"),
    header("Content-Type", "application/json", "application/json; charset=utf-8"),
    header("Content-Type", "application/json", None),
    header("Location", "/items/7", "/items/7/"),
    header("Location", "/items/7", "http://elsewhere.example/items/7"),
    header("Location", "/items/7", None),
    header("ETag", '"abc"', '"def"'),
    header("ETag", '"abc"', 'W/"abc"', "ETag strong or weak"),
    header("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT", "Fri, 27 Nov 2026 09:00:00 GMT"),
    header("Cache-Control", "no-store", "no-cache"),
    header("Cache-Control", "max-age=60", None),
    header("Expires", "0", None),
    header("Vary", "Accept", "Accept, Cookie"),
    header("Allow", "GET, HEAD", "GET"),
    header("Link", '</items?after=2>; rel="next"', '</items?page=2>; rel="next"'),
    header("Retry-After", "1", "60"),
    header("WWW-Authenticate", "Bearer", 'Basic realm="api"'),
    header("Access-Control-Allow-Origin", "*", "https://shop.example"),
    header("Access-Control-Allow-Methods", "GET, POST", "GET"),
    header("Access-Control-Allow-Headers", "content-type", None),
    header("Access-Control-Allow-Credentials", "true", None),
    header("Access-Control-Expose-Headers", "X-Total-Count", "Link"),
    header("Access-Control-Max-Age", "600", "86400"),
    header("Content-Disposition", "attachment", "inline"),
    header("Content-Language", "en", "de"),
    header("Accept-Ranges", "bytes", "none"),
    header("Content-Range", "items 0-9/10", "items 0-9/*"),
    header("Content-Security-Policy", "default-src 'self'", "default-src 'none'"),
    header("Strict-Transport-Security", "max-age=60", None),
    header("X-Frame-Options", "DENY", "SAMEORIGIN"),
    header("X-Content-Type-Options", "nosniff", None),
    header("Referrer-Policy", "no-referrer", "same-origin"),
    header("Deprecation", "@1700000000", None),
    header("X-Total-Count", "10", "11"),
    header("X-Empty", "", None, "a header without a value or none"),
    header("X-Case", "Yes", "yes"),
    header("Content-Encoding", "x-own", None, "content coding", counts=False),
    header("Content-Encoding", "x-own", None, "content coding, all", options={"headers": "all"}),
    header("Date", "Fri, 27 Nov 2026 10:00:00 GMT", None, "date", counts=False),
    header("Server", "old/1", "new/2", "server, all", options={"headers": "all"}),
    header(
        "ETag", '"abc"', '"def"', "tag, contract", counts=False, options={"headers": "contract"}
    ),
    header("ETag", '"abc"', '"def"', "tag, without", counts=False, options={"headers": "-ETag"}),
    Pair(
        "one header or two",
        answers(b"", ("X-Tag", "a"), ("X-Tag", "b")),
        answers(b"", ("X-Tag", "a")),
        "header X-Tag",
        Kind.HEADER,
        ("a, b", "a"),
    ),
    Pair(
        "whole or streamed",
        answers(b"abc", TEXT),
        answers(b"", TEXT, pieces=[b"a", b"bc"]),
        "header Content-Length",
        Kind.MISSING,
        ("3", None),
    ),
    Pair(
        "a wrong length",
        answers(b"", ("Content-Length", "5"), pieces=[b"abc"]),
        answers(b"abc"),
        "header Content-Length",
        Kind.HEADER,
        ("5", "3"),
        method="HEAD",
    ),
]

COOKIES = [
    cookie("missing", "sid=1", None, ("sid=***", None)),
    cookie("emptied", "sid=1", "sid=", ("sid=***", "sid=***")),
    cookie("HttpOnly", "sid=1; HttpOnly", "sid=1", ("sid=***; HttpOnly", "sid=***")),
    cookie("Secure", "sid=1; Secure", "sid=1", ("sid=***; Secure", "sid=***")),
    cookie("Partitioned", "sid=1; Partitioned", "sid=1", ("sid=***; Partitioned", "sid=***")),
    cookie(
        "SameSite",
        "sid=1; SameSite=Lax",
        "sid=1; SameSite=None",
        ("sid=***; SameSite=Lax", "sid=***; SameSite=None"),
    ),
    cookie("Path", "sid=1; Path=/", "sid=1; Path=/a", ("sid=***; Path=/", "sid=***; Path=/a")),
    cookie("Domain", "sid=1; Domain=a.b", "sid=1", ("sid=***; Domain=a.b", "sid=***")),
    cookie(
        "Max-Age",
        "sid=1; Max-Age=60",
        "sid=1; Max-Age=0",
        ("sid=***; Max-Age=60", "sid=***; Max-Age=0"),
    ),
    cookie(
        "Expires",
        "sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "sid=1; Expires=Fri, 27 Nov 2099 10:00:00 GMT",
        (
            "sid=***; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "sid=***; Expires=Fri, 27 Nov 2099 10:00:00 GMT",
        ),
    ),
]

BODIES = [
    json("text", '{"a": "x"}', '{"a": "y"}', "/a", VALUE, '"x"', '"y"'),
    json("capitals", '{"a": "Tea"}', '{"a": "tea"}', "/a", VALUE, '"Tea"', '"tea"'),
    json("a space", '{"a": "x"}', '{"a": "x "}', "/a", VALUE, '"x"', '"x "'),
    json("composed", '"\\u00e9"', '"e\\u0301"', "", VALUE, r'"\u00e9"', r'"e\u0301"'),
    json("number", '{"a": 1}', '{"a": 2}', "/a", VALUE, "1", "2"),
    json(
        "long ids",
        '{"id": 9007199254740993}',
        '{"id": 9007199254740992}',
        "/id",
        VALUE,
        "9007199254740993",
        "9007199254740992",
    ),
    json("one or one point zero", "[1]", "[1.0]", "/0", SPELLING, "1", "1.0"),
    json("exponent", "[100]", "[1e2]", "/0", SPELLING, "100", "1e2"),
    json("minus zero", "[0]", "[-0]", "/0", SPELLING, "0", "-0"),
    json("trailing zero", "[1.10]", "[1.1]", "/0", SPELLING, "1.10", "1.1"),
    json("beyond a double", "[1e400]", "[1e401]", "/0", VALUE, "1e400", "1e401"),
    json(
        "beyond Decimal",
        "[1e9999999999999999999]",
        "[1]",
        "/0",
        VALUE,
        "1e9999999999999999999",
        "1",
    ),
    json("last digit", "[0.1]", "[0.10000000000000001]", "/0", VALUE, "0.1", "0.10000000000000001"),
    json("number or text", '{"a": 1}', '{"a": "1"}', "/a", TYPE, "1", '"1"'),
    json("boolean or text", '{"a": true}', '{"a": "true"}', "/a", TYPE, "true", '"true"'),
    json("boolean or number", '{"a": true}', '{"a": 1}', "/a", TYPE, "true", "1"),
    json("not a number or null", '{"a": NaN}', '{"a": null}', "/a", NULL, "NaN", "null"),
    json("infinity", '{"a": Infinity}', '{"a": 1e999}', "/a", VALUE, "Infinity", "1e999"),
    json("null or missing", '{"a": null}', "{}", "/a", MISSING, "null", None),
    json("null or empty", '{"a": null}', '{"a": ""}', "/a", NULL, "null", '""'),
    json("null or no items", '{"a": null}', '{"a": []}', "/a", NULL, "null", "[]"),
    json("object or array", '{"a": {}}', '{"a": []}', "/a", TYPE, "{}", "[]"),
    json("one or many", '{"a": {"b": 1}}', '{"a": [{"b": 1}]}', "/a", TYPE, '{"b":1}', '[{"b":1}]'),
    json("member more", "{}", '{"a": [1]}', "/a", MISSING, None, "[1]"),
    json("other name", '{"aB": 1, "c": 2}', '{"a_b": 1, "c": 2}', "/aB", MISSING, "1", None),
    json("order", "[1, 2]", "[2, 1]", "", ORDER, "[1,2]", "[2,1]"),
    json(
        "order inside",
        '{"a": [{"i": 1}, {"i": 2}]}',
        '{"a": [{"i": 2}, {"i": 1}]}',
        "/a",
        ORDER,
        '[{"i":1},{"i":2}]',
        '[{"i":2},{"i":1}]',
    ),
    json("item more", "[1]", "[1, 2]", "/1", MISSING, None, "2"),
    json("name twice", '{"a": 1, "a": 2}', '{"a": 2}', "/a", REPEATED, "1, 2", "2"),
    json("envelope", '{"items": []}', "[]", "", TYPE, '{"items":[]}', "[]"),
    json(
        "time zone",
        '["2026-11-27T10:00:00Z"]',
        '["2026-11-27T10:00:00+00:00"]',
        "/0",
        VALUE,
        '"2026-11-27T10:00:00Z"',
        '"2026-11-27T10:00:00+00:00"',
    ),
    json(
        "names with slashes", '{"a/b": {"~": 1}}', '{"a/b": {"~": 2}}', "/a~1b/~0", VALUE, "1", "2"
    ),
    json("half a character", '["\\ud800"]', '["\\ufffd"]', "/0", VALUE, r'"\ud800"', '"\ufffd"'),
    json("byte order mark", "{}", "\ufeff{}", "", TYPE, "{}", r"\ufeff{}"),
    json("cut off", '{"a": 1}', '{"a": 1', "", TYPE, '{"a": 1}', '{"a": 1'),
    json("or text", '{"error": "x"}', "x", "", TYPE, '{"error": "x"}', "x"),
    json("or nothing", "{}", "", "", MISSING, "{}", None),
    json("null or nothing", "null", "", "", MISSING, "null", None),
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
        *(
            answers(f'{{"a": 1}}\n{{"a": {n}}}\n', ("Content-Type", "application/x-ndjson"))
            for n in (2, 3)
        ),
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
        *(answers(IMAGE + bytes([n]), ("Content-Type", "image/png")) for n in (1, 2)),
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

DIFFERENT = [*STATUSES, *HEADERS, *COOKIES, *BODIES]


def same(label: str, old: Callable[..., Any], new: Callable[..., Any], **more: Any) -> Pair:
    """Return a pair that differs in nothing that matters."""
    return Pair(label, old, new, **more)


def with_headers(label: str, old: Sequence[Header], new: Sequence[Header]) -> Pair:
    return same(label, answers(b"", *old), answers(b"", *new))


LONG = b"tea " * 500

EQUAL = [
    same("nothing at all", OK, answers("{}", JSON)),
    same("WSGI or ASGI", wsgi(b"[1]", JSON), answers("[1]", JSON)),
    same("spaces in JSON", answers('{"a": [1, 2]}', JSON), answers('{"a":[1,2]}', JSON)),
    same("order of members", answers('{"a":1,"b":2}', JSON), answers('{"b":2,"a":1}', JSON)),
    same("escapes in JSON", answers('["é/"]', JSON), answers('["\\u00e9\\/"]', JSON)),
    same("line end after JSON", answers("[1]\n", JSON), answers("[1]", JSON)),
    same(
        "JSON lines, last line end",
        answers("1\n2\n", ("Content-Type", "application/x-ndjson")),
        answers("1\n2", ("Content-Type", "application/x-ndjson")),
    ),
    with_headers("capitals in names", [("X-Tag", "a")], [("x-tag", "a")]),
    with_headers("order of headers", [("X-A", "1"), ("X-B", "2")], [("X-B", "2"), ("X-A", "1")]),
    with_headers(
        "one line or two", [("Vary", "Accept"), ("Vary", "Cookie")], [("Vary", "Accept, Cookie")]
    ),
    with_headers("spaces around values", [("X-A", "1")], [("X-A", " 1 ")]),
    with_headers(
        "spelling of a charset",
        [("Content-Type", "text/html;charset=UTF-8")],
        [("Content-Type", 'text/html; charset="utf-8"')],
    ),
    with_headers("order in Allow", [("Allow", "GET, HEAD")], [("Allow", "HEAD,GET")]),
    with_headers("order in Vary", [("Vary", "Accept, Cookie")], [("Vary", "cookie, accept")]),
    with_headers(
        "order in Cache-Control",
        [("Cache-Control", "private, max-age=1")],
        [("Cache-Control", "max-age=1, private")],
    ),
    with_headers(
        "Date",
        [("Date", "Fri, 27 Nov 2026 10:00:00 GMT")],
        [("Date", "Fri, 27 Nov 2026 10:00:01 GMT")],
    ),
    with_headers("Server", [("Server", "gunicorn")], [("Server", "uvicorn")]),
    with_headers("request ids", [("X-Request-ID", "1")], [("X-Request-ID", "2")]),
    with_headers("times", [("Server-Timing", "app;dur=1")], [("X-Process-Time", "0.1")]),
    with_headers("the connection", [("Connection", "close")], [("Keep-Alive", "timeout=5")]),
    with_headers(
        "value of a cookie", [("Set-Cookie", "sid=a; Path=/")], [("Set-Cookie", "sid=b; Path=/")]
    ),
    with_headers(
        "attributes of a cookie",
        [("Set-Cookie", "sid=a; Path=/; HttpOnly; SameSite=Lax")],
        [("Set-Cookie", "sid=a; samesite=lax; httponly; path=/")],
    ),
    with_headers(
        "order of cookies",
        [("Set-Cookie", "a=1"), ("Set-Cookie", "b=1")],
        [("Set-Cookie", "b=1"), ("Set-Cookie", "a=1")],
    ),
    with_headers(
        "a cookie's last second",
        [("Set-Cookie", "a=1; Expires=Fri, 27 Nov 2099 10:00:00 GMT")],
        [("Set-Cookie", "a=1; Expires=Fri, 27 Nov 2099 10:00:01 GMT")],
    ),
    same("other pieces", answers(pieces=[b"a", b"bc"]), answers(pieces=[b"ab", b"", b"c"])),
    same(
        "compressed or not",
        answers(LONG, TEXT, ("ETag", '"1"')),
        answers(
            gzip.compress(LONG),
            TEXT,
            ("ETag", 'W/"1"'),
            ("Content-Encoding", "gzip"),
            ("Vary", "Accept-Encoding"),
        ),
        headers={"Accept-Encoding": "gzip"},
    ),
    same("body of HEAD", answers(b"abc"), answers(b"abd"), method="HEAD"),
]
