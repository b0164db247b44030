"""Pairs that differ in nothing that matters."""

import gzip

from tests.compare.pairs.model import JSON, OK, TEXT, answers, same, with_headers, wsgi

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
        "a cookie's last semicolon",
        [("Set-Cookie", "sid=a; Path=/;")],
        [("Set-Cookie", "sid=a; Path=/")],
    ),
    with_headers(
        "order of cookies",
        [("Set-Cookie", "a=1"), ("Set-Cookie", "b=1")],
        [("Set-Cookie", "b=1"), ("Set-Cookie", "a=1")],
    ),
    with_headers(
        "values of a cookie for two paths",
        [("Set-Cookie", "a=1; Path=/x"), ("Set-Cookie", "a=2; Path=/y")],
        [("Set-Cookie", "a=3; Path=/x"), ("Set-Cookie", "a=4; Path=/y")],
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
            gzip.compress(LONG, mtime=0),
            TEXT,
            ("ETag", 'W/"1"'),
            ("Content-Encoding", "gzip"),
            ("Vary", "Accept-Encoding"),
        ),
        headers={"Accept-Encoding": "gzip"},
    ),
    same("body of HEAD", answers(b"abc"), answers(b"abd"), method="HEAD"),
]
