"""Ambiguous requests are refused before an application receives them."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.gateways import compose

Headers = list[tuple[bytes, bytes]]
HOST: Headers = [(b"host", b"localhost")]

seen: list[str] = []


async def shop(scope: Any, receive: Any, send: Any) -> None:
    seen.append(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"shop"})


def admin(environ: Any, start_response: Any) -> list[bytes]:
    seen.append(environ["PATH_INFO"])
    start_response("200 OK", [])
    return [b"admin"]


def ask(path: str, headers: Headers = HOST, *, version: str = "1.1") -> tuple[int, Any]:
    """Call the gateway as a server would that forwards everything unchanged."""
    app = compose({"/shop": shop, "/shop/admin": admin}, allowed_hosts=["*"])
    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    seen.clear()
    asyncio.run(app(scope, receive, send))
    status, body = sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
    if status == 200:
        return status, body.decode()
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    return status, json.loads(body)["detail"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/shop/a", "shop"),
        ("/shop/admin/a", "admin"),
        ("/shop/admin", "admin"),
        ("/shop/adminx", "shop"),
        ("/%73hop/%61dmin/a", "admin"),
        ("/shop/a%2Fb", "shop"),
        ("/shop/.well-known/a..b/...", "shop"),
        ("/shop/%C3%A9%FF", "shop"),
    ],
)
def test_an_unambiguous_path_is_served(path: str, answer: str) -> None:
    assert ask(path) == (200, answer)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/shop/../a", "The path has a dot segment."),
        ("/shop/a/..", "The path has a dot segment."),
        ("/shop/./a", "The path has a dot segment."),
        ("/shop/%2e%2E/a", "The path has a dot segment."),
        ("/shop/a%2f..%2fadmin", "The path has a dot segment."),
        ("/shop/a%00", "The path has a control character."),
        ("/shop/%0a", "The path has a control character."),
        ("/shop/a%0a", "The path has a control character."),
        ("/shop/a%0d%0aX-Evil:1", "The path has a control character."),
        ("/shop/%7f", "The path has a control character."),
        ("/shop%2Fa", "The path reaches a mount only by an encoded slash."),
        ("/shop%2fadmin/a", "The path reaches a mount only by an encoded slash."),
        ("/shop/admin%2fa", "The path reaches a mount only by an encoded slash."),
        ("/shop/a" + "%ff" * 101, "The path is not UTF-8."),
        ("%2Fshop/a", "The path reaches a mount only by an encoded slash."),
    ],
)
def test_an_unsafe_path_is_refused(path: str, detail: str) -> None:
    assert ask(path) == (400, detail)
    assert seen == []


@pytest.mark.parametrize("path", ["/shop/a", "/shop/admin/a"])
@pytest.mark.parametrize(
    "name",
    ["host", "content-type", "content-length", "authorization", "user-agent", "range", "origin"],
)
def test_a_singleton_header_cannot_be_repeated(path: str, name: str) -> None:
    once: Headers = [header for header in HOST if name != "host"]
    twice = [*once, (name.encode(), b"1"), (name.encode(), b"1")]
    assert ask(path, twice) == (400, f"The header {name} was sent more than once.")
    assert seen == []


def test_other_headers_can_be_repeated() -> None:
    headers = [*HOST, *[(name, b"a") for name in (b"accept", b"cookie", b"x-any")] * 2]
    assert ask("/shop/a", headers) == (200, "shop")


@pytest.mark.parametrize("path", ["/shop/a", "/shop/admin/a"])
@pytest.mark.parametrize("name", [b"content-type", b"accept", b"accept-language", b"te"])
def test_fields_with_parameters_have_a_common_limit(path: str, name: bytes) -> None:
    some = [(name, b'x;"' + b";" * 1000), (b"accept-encoding", b"x" * 1000)]
    assert ask(path, [*HOST, *some, (b"x-any", b"x" * 50_000)])[0] == 200
    more = [*some, (b"accept-encoding", b"x" * 100)]
    assert ask(path, [*HOST, *more])[0] == 431
    assert seen == []


@pytest.mark.parametrize("unit", [b";", b"\\", b"a=b;"])
def test_cookies_have_a_limit(unit: bytes) -> None:
    assert ask("/shop/a", [*HOST, (b"cookie", unit * 100)])[0] == 200
    assert ask("/shop/a", [*HOST, *[(b"cookie", unit * 100)] * 6])[0] == 400


@pytest.mark.parametrize(
    "host",
    [b"example.com", b"localhost:8000", b"127.0.0.1", b"[::1]", b"[::1]:8000", b"a_b.example"],
)
def test_a_host_is_accepted(host: bytes) -> None:
    assert ask("/shop/a", [(b"host", host)])[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a b",
        b"a/b",
        b"user@example.com",
        b"a:port",
        b"[::1",
        b"::1",
        b"a\x00",
        b"a,b/",
        b"?",
        b"a" * 256,
    ],
)
def test_an_invalid_host_is_refused(host: bytes) -> None:
    assert ask("/shop/a", [(b"host", host)]) == (400, "The Host header is not valid.")


def test_http_1_1_needs_a_host() -> None:
    assert ask("/shop/a", []) == (400, "The Host header is missing.")
    assert ask("/shop/a", [], version="1.0") == (200, "shop")
