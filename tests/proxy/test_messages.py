"""What of a request and a response is passed on, byte for byte, and what is not."""

import gzip
import json
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from framework_gateway import Mount
from framework_gateway.security.identity import User
from tests.proxy.servers import OK, Request, gateway, proxied, scripted
from tests.wsgi.clients import read_answer, read_to_end, read_until


def test_the_path_and_the_query_are_passed_byte_for_byte() -> None:
    sent = [
        b"/a%2Fb%2f//c;x=1?q=%20+&r=%c3%a4&&=",
        b"/%C3%A4%c3%a4/%E2%82%AC",
        b"/~user/(a)!$&'*,:@=",
        b"/?",
        b"/x?a=b?c=d",
    ]
    with proxied() as (running, server):
        for path in sent:
            with running.target.connect() as connection:
                connection.sendall(b"GET /old%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path)
                assert read_answer(connection).status == 200
    # An empty query is no query for ASGI.
    expected = [path.removesuffix(b"?") for path in sent]
    assert [request.first for request in server.requests] == [
        b"GET %b HTTP/1.1" % path for path in expected
    ]


def test_a_prefix_that_is_encoded_is_stripped() -> None:
    with proxied() as (running, server):
        running.get("/%6fld/x%2Fy")
        assert server.requests[0].first == b"GET /x%2Fy HTTP/1.1"


@pytest.mark.parametrize(
    ("options", "root_path", "sent", "target", "prefix"),
    [
        ({}, "", "/old/x", "/x", "/old"),
        ({"strip_prefix": False}, "", "/old/x", "/old/x", ""),
        ({}, "/outer", "/old/x", "/x", "/outer/old"),
        ({"strip_prefix": False}, "/outer", "/old/x", "/old/x", "/outer"),
    ],
)
def test_the_prefix_is_stripped_or_kept(
    options: dict[str, Any], root_path: str, sent: str, target: str, prefix: str
) -> None:
    """The prefix that an outer proxy has removed is never in the path."""
    with scripted() as server:
        mount = Mount("/old", server.address, **options)
        with gateway([mount], root_path=root_path) as running:
            running.get(sent)
    [request] = server.requests
    assert request.first == f"GET {target} HTTP/1.1".encode()
    assert request.all(b"x-forwarded-prefix") == [prefix.encode()] * bool(prefix)


def test_with_the_prefix_kept_a_path_has_no_slash_added() -> None:
    """Otherwise an endpoint at the prefix itself could not be reached, or redirects forever."""
    with proxied(strip_prefix=False) as (running, server):
        for path in ("/old", "/old?x", "/old/", "/old/x"):
            assert running.get(path).status == 200
        assert running.get("/older").status == 404
    targets = [b"/old", b"/old?x", b"/old/", b"/old/x"]
    assert [request.first.split()[1] for request in server.requests] == targets


def test_with_the_prefix_stripped_its_root_has_a_slash() -> None:
    with proxied() as (running, server):
        redirected = running.get("/old?x")
        assert (redirected.status, redirected.header("Location")) == (307, "old/?x")
        assert running.get("/old?x", "Content-Length: 0", method="POST").status == 200
    assert server.requests[0].first == b"POST /?x HTTP/1.1"


def test_the_path_of_the_address_comes_first() -> None:
    with scripted() as server, gateway([Mount("/old", server.address + "/base/")]) as running:
        running.get("/old/x?y")
        running.get("/old/")
    assert [request.first for request in server.requests] == [
        b"GET /base/x?y HTTP/1.1",
        b"GET /base/ HTTP/1.1",
    ]


@pytest.mark.parametrize(
    ("host", "expected"),
    [(None, "example.com"), ("upstream", "127.0.0.1:{port}"), ("old.example:81", "old.example:81")],
)
def test_the_host_is_kept_or_set(host: str | None, expected: str) -> None:
    with proxied(host=host) as (running, server):
        running.get("/old/")
        [request] = server.requests
        assert request.all(b"host") == [expected.format(port=server.port).encode()]
        assert request.all(b"x-forwarded-host") == [b"example.com"]


def test_a_client_without_a_host_gets_the_address_as_host() -> None:
    with proxied() as (running, server), running.target.connect() as connection:
        connection.sendall(b"GET /old/ HTTP/1.0\r\n\r\n")
        assert b" 200 " in read_to_end(connection)
        assert server.requests[0].all(b"host") == [f"127.0.0.1:{server.port}".encode()]


def test_headers_of_the_connection_are_removed() -> None:
    with proxied(
        b"HTTP/1.1 200 OK\r\nConnection: X-Own, keep-alive\r\nX-Own: 1\r\nKeep-Alive: timeout=1\r\n"
        b"Proxy-Authenticate: Basic\r\nTrailer: X-T\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok"
    ) as (running, server):
        found = running.get(
            "/old/",
            *("Connection: X-Mine, TE", "X-Mine: 1", "TE: trailers", "Trailer: X-T"),
            *("Keep-Alive: 1", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic x"),
            *("Upgrade: h2c", "X-Kept: 1"),
        )
    names = {line.partition(b":")[0].lower() for line in server.requests[0].head.split(b"\r\n")[1:]}
    assert names == {
        *(b"host", b"x-kept", b"x-request-id", b"x-forwarded-for", b"x-forwarded-proto"),
        *(b"x-forwarded-host", b"x-forwarded-prefix", b"forwarded"),
    }
    assert found.headers is not None
    assert found.header("X-Kept") == "1"
    for name in ("X-Own", "Keep-Alive", "Proxy-Authenticate", "Trailer", "Connection"):
        assert found.header(name) is None, name


def test_connection_cannot_remove_what_the_next_server_needs() -> None:
    named = "Connection: Host, Content-Length, X-Request-ID, X-Forwarded-For, traceparent"
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with proxied() as (running, server):
        headers = (named, "Content-Length: 2", "X-Request-ID: mine", f"traceparent: {trace}")
        running.get("/old/", *headers, method="POST", body=b"{}")
    [request] = server.requests
    assert request.body == b"{}"
    assert request.all(b"host") == [b"example.com"]
    assert request.all(b"x-request-id") == [b"mine"]
    assert request.all(b"traceparent") == [trace.encode()]
    assert request.all(b"x-forwarded-for") == [b"127.0.0.1"]


def test_forwarded_headers_of_clients_are_replaced() -> None:
    forged = [
        *("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil"),
        *("X-Forwarded-Prefix: /evil", "Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1"),
        *("X_Forwarded_For: 192.0.2.1", "X_Real_IP: 192.0.2.1"),
    ]
    with proxied() as (running, server):
        running.get("/old/", *forged)
    [request] = server.requests
    assert b"192.0.2.1" not in request.head
    assert b"evil" not in request.head
    assert request.all(b"forwarded") == [b'for=127.0.0.1;host="example.com";proto=http']
    assert request.all(b"x-forwarded-proto") == [b"http"]


def test_forwarded_headers_of_a_trusted_proxy_are_handed_on() -> None:
    with scripted() as server:
        mounts = [Mount("/old", server.address)]
        with gateway(mounts, trusted_proxies=["127.0.0.1"]) as running:
            running.get("/old/", "X-Forwarded-For: 2001:db8::1", "X-Forwarded-Proto: https")
    [request] = server.requests
    assert request.all(b"x-forwarded-for") == [b"2001:db8::1"]
    assert request.all(b"x-forwarded-proto") == [b"https"]
    assert request.all(b"forwarded") == [b'for="[2001:db8::1]";host="example.com";proto=https']


def test_each_request_has_an_id() -> None:
    with proxied() as (running, server):
        found = running.get("/old/")
        assert server.requests[0].all(b"x-request-id") == [
            (found.header("X-Request-ID") or "").encode()
        ]


def test_the_user_is_told_only_to_processes_of_our_own() -> None:
    async def admit(scope: dict[str, Any]) -> None:
        scope["user"] = User("Jörg%\r\nX: y")

    long = "Gateway-" + "x" * 100
    forged = ("Gateway-User: root", "Gateway_User: root", "gateway_other: root", f"{long}: root")
    with ExitStack() as stack:
        server = stack.enter_context(scripted())
        mount = Mount("/old", server.address, login=True)
        running = stack.enter_context(gateway([mount], admit=admit))
        running.get("/old/", *forged)
        running.upstream().is_own_process = True
        running.get("/old/", *forged)
    other, own = server.requests
    assert other.head.count(b"root") == 2  # of headers that say nothing about a user
    assert other.all(b"gateway-user") == []
    assert b"root" not in own.head
    assert own.all(b"gateway-user") == [b"J%C3%B6rg%25%0D%0AX%3A y"]


def test_several_cookies_are_passed_and_none_is_kept() -> None:
    cookies = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    with proxied(cookies) as (running, server):
        found = running.get("/old/")
        running.get("/old/", "Cookie: own=1")
        running.get("/old/")
    assert found.headers is not None
    assert found.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    sent = [request.all(b"cookie") for request in server.requests]
    assert sent == [[], [b"own=1"], []]


def test_an_encoded_body_is_not_touched() -> None:
    body = gzip.compress(b"hello" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with proxied(head + body) as (running, server):
        found = running.get("/old/", "Accept-Encoding: gzip, br;q=0.5")
        assert (found.body, found.header("Content-Encoding")) == (body, "gzip")
        running.get("/old/")
    assert server.requests[0].all(b"accept-encoding") == [b"gzip, br;q=0.5"]
    assert server.requests[1].all(b"accept-encoding") == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    ],
)
def test_the_connection_is_kept_after_each_kind_of_answer(answer: bytes) -> None:
    with proxied(answer) as (running, server):
        for method in ("GET", "GET", "HEAD", "HEAD"):
            if method == "HEAD":
                server.answer = lambda _connection, _request: (
                    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
                )
            found = running.get("/old/", method=method)
            assert found.complete
            assert found.status == (200 if method == "HEAD" else int(answer.split()[1]))
            if method == "HEAD":
                assert found.header("Content-Length") == "1000"
        assert server.connections == 1


@pytest.mark.parametrize("reason", ["Connection: close", "HTTP/1.0"])
def test_a_server_may_close_its_connection(reason: str) -> None:
    answer = OK.replace(b"\r\nContent", b"\r\nConnection: close\r\nContent", 1)
    if reason == "HTTP/1.0":
        answer = OK.replace(b"HTTP/1.1", b"HTTP/1.0")
    with proxied(answer) as (running, server):
        assert [running.get("/old/").body for _ in range(2)] == [b"ok", b"ok"]
        assert server.connections == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "PROPFIND"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_is_passed_with_each_method(method: str, is_chunked: bool) -> None:
    framing, sent = "Content-Length: 4", b"body"
    if is_chunked:
        framing, sent = "Transfer-Encoding: chunked", b"1\r\nb\r\n3\r\nody\r\n0\r\nX-T: 1\r\n\r\n"
    with proxied() as (running, server):
        assert running.get("/old/x", framing, method=method, body=sent).status == 200
        [request] = server.requests
    assert request.first == f"{method} /x HTTP/1.1".encode()
    if request.all(b"transfer-encoding"):
        assert request.body in (b"4\r\nbody\r\n0\r\n\r\n", b"1\r\nb\r\n3\r\nody\r\n0\r\n\r\n")
    else:
        assert request.body == b"body"
        assert request.all(b"content-length") == [b"4"]


def test_a_request_without_a_body_has_no_framing() -> None:
    with proxied() as (running, server):
        running.get("/old/")
        running.get("/old/", "Content-Length: 0", method="POST")
    assert server.requests[0].all(b"content-length") == []
    assert server.requests[1].all(b"content-length") == [b"0"]
    assert not any(request.all(b"transfer-encoding") for request in server.requests)


def test_100_continue_comes_from_the_upstream() -> None:
    """The client sends its body only when the upstream asks for it."""

    def answer(connection: socket.socket, request: Request) -> bytes:
        if b"refuse" in request.head:
            return b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = connection.recv(4)
        return OK

    with proxied(answer) as (running, server):
        headers = ("Expect: 100-continue", "Content-Length: 4")
        with running.open("/old/refuse", *headers, method="PUT") as connection:
            assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 417 ")
        with running.open("/old/take", *headers, method="PUT") as connection:
            assert read_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"body")
            assert read_answer(connection).status == 200
    assert [request.all(b"expect") for request in server.requests] == [[b"100-continue"]] * 2
    assert server.requests[1].body == b"body"


def test_an_upstream_without_100_continue_gets_the_body_all_the_same() -> None:
    def answer(connection: socket.socket, request: Request) -> bytes:
        request.body = connection.recv(4)
        return OK

    with proxied(answer) as (running, server):
        headers = ("Expect: 100-continue", "Content-Length: 4")
        with running.open("/old/", *headers, method="PUT") as connection:
            assert read_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"body")
            assert read_answer(connection).status == 200
    assert server.requests[0].body == b"body"


def test_other_interim_answers_are_no_answers() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    with proxied(hints + b"HTTP/1.1 102 Processing\r\n\r\n" + OK) as (running, server):
        for _ in range(2):
            found = running.get("/old/")
            assert (found.status, found.body) == (200, b"ok")
            assert found.header("Link") is None
        assert server.connections == 1


def test_errors_are_problem_details() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with gateway([Mount("/old", f"http://127.0.0.1:{port}")]) as running:
        found = running.get("/old/")
    assert found.status == 502
    assert found.header("Content-Type") == "application/problem+json"
    assert found.header("Proxy-Status") == "framework-gateway; error=connection_refused"
    assert json.loads(found.body)["title"] == "Bad Gateway"
    assert str(port).encode() not in found.body
