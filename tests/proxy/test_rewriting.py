"""Paths in the headers of responses, as clients must see them."""

from typing import Any

import pytest

from framework_gateway import Mount
from framework_gateway.proxy.rewriting import Rewriter, rewrite
from tests.proxy.servers import gateway, scripted

STRIPPED = Rewriter(b"", b"/old", frozenset({b"10.0.0.1:9000"}), b"example.com")
BASED = Rewriter(b"/base", b"/outer/old", frozenset({b"10.0.0.1:9000"}), b"example.com")
KEPT = Rewriter(b"/old", b"/outer/old", frozenset({b"10.0.0.1:9000"}), b"example.com")

LOCATIONS = [
    (STRIPPED, "/x", "/old/x"),
    (STRIPPED, "/", "/old/"),
    (STRIPPED, "/x?next=/y#z", "/old/x?next=/y#z"),
    (STRIPPED, "http://10.0.0.1:9000/x", "/old/x"),
    (STRIPPED, "HTTP://10.0.0.1:9000", "/old/"),
    (STRIPPED, "http://example.com/x", "http://example.com/old/x"),
    (STRIPPED, "https://Example.com/x?y", "https://Example.com/old/x?y"),
    (STRIPPED, "//example.com/x", "//example.com/old/x"),
    # An application that knows X-Forwarded-Prefix has done it itself.
    (STRIPPED, "/old/x", "/old/x"),
    (STRIPPED, "/old", "/old"),
    (STRIPPED, "http://example.com/old/x", "http://example.com/old/x"),
    (STRIPPED, "/older/x", "/old/older/x"),
    # Relative references, and those of others, stay.
    *((STRIPPED, same, same) for same in ("x", "../x", "?x", "#x", "", "mailto:a@example.com")),
    *((STRIPPED, same, same) for same in ("http://other/x", "//other/x", "http://10.0.0.1/x")),
    (BASED, "/base/x", "/outer/old/x"),
    (BASED, "/base", "/outer/old"),
    (BASED, "/other/x", "/other/x"),
    (KEPT, "/old/x", "/outer/old/x"),
    (KEPT, "/outer/old/x", "/outer/old/x"),
    (KEPT, "/login", "/login"),
]
COOKIES = [
    (STRIPPED, "a=1; Path=/", "a=1; Path=/old"),
    (STRIPPED, "a=1;path=/x; HttpOnly", "a=1;path=/old/x; HttpOnly"),
    (STRIPPED, "a=1; Path=/old/x", "a=1; Path=/old/x"),
    (STRIPPED, "a=1", "a=1"),
    (STRIPPED, "a=1; Path=", "a=1; Path="),
    (STRIPPED, "a=/; Path=/; Domain=example.com", "a=/; Path=/old; Domain=example.com"),
    (STRIPPED, "a=1; Domain=10.0.0.1; Secure", "a=1; Secure"),
    (STRIPPED, "a=1; Domain=.other", "a=1; Domain=.other"),
    (STRIPPED, "__Host-a=1; Path=/; Secure", "__Host-a=1; Path=/; Secure"),
    (BASED, "a=1; Path=/base", "a=1; Path=/outer/old"),
    (BASED, "a=1; Path=/", "a=1; Path=/outer/old"),
    (BASED, "a=1; Path=/other", "a=1; Path=/other"),
    (KEPT, "a=1; Path=/old/x", "a=1; Path=/outer/old/x"),
]
REFRESHES = [
    (STRIPPED, "5; url=/x", "5; url=/old/x"),
    (STRIPPED, "0;URL='/x'", "0;URL='/old/x'"),
    (STRIPPED, "5", "5"),
]


@pytest.mark.parametrize(("rewriter", "given", "expected"), LOCATIONS)
def test_locations(rewriter: Rewriter, given: str, expected: str) -> None:
    for name in (b"location", b"content-location"):
        assert rewrite(rewriter, name, given.encode()) == expected.encode()


@pytest.mark.parametrize(("rewriter", "given", "expected"), COOKIES)
def test_cookies(rewriter: Rewriter, given: str, expected: str) -> None:
    assert rewrite(rewriter, b"set-cookie", given.encode()) == expected.encode()


@pytest.mark.parametrize(("rewriter", "given", "expected"), REFRESHES)
def test_refresh(rewriter: Rewriter, given: str, expected: str) -> None:
    assert rewrite(rewriter, b"refresh", given.encode()) == expected.encode()


@pytest.mark.parametrize(
    ("options", "location", "expected"),
    [
        ({}, "/x", "/old/x"),
        ({}, "http://{authority}/x", "/old/x"),
        ({"host": "old.example"}, "http://old.example/x", "/old/x"),
        ({"rewrite": False}, "/x", "/x"),
        ({"strip_prefix": False}, "/x", "/x"),
        ({"strip_prefix": False}, "/old/x", "/old/x"),
        ({"strip_prefix": False, "rewrite": True}, "http://{authority}/old/x", "/old/x"),
    ],
)
def test_the_default_follows_the_prefix(
    options: dict[str, Any], location: str, expected: str
) -> None:
    with scripted() as server:
        authority = server.address.removeprefix("http://")
        answer = "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n"
        text = answer.format(location.format(authority=authority)).encode()
        server.answer = lambda _connection, _request: text
        with gateway([Mount("/old", server.address, **options)]) as running:
            assert running.get("/old/").header("Location") == expected
