"""The environ of PEP 3333, for requests from a socket and for scopes."""

import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from framework_gateway.wsgi.environ import build_environ
from tests.wsgi.responses import TEXT, Environ, StartResponse
from tests.wsgi.server import Served, serve

seen: list[Environ] = []


def remember(environ: Environ, start_response: StartResponse) -> list[bytes]:
    seen.append({**environ, "body": environ["wsgi.input"].read()})
    start_response("200 OK", [*TEXT])
    return [b""]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serve(remember, others={"/app/inner": remember, "/café": remember}) as served:
        yield served


def environ_of(
    server: Served, path: str, *headers: str, method: str = "GET", body: bytes = b""
) -> Environ:
    seen.clear()
    assert server.get(path, *headers, method=method, body=body).status == 200
    (environ,) = seen
    return environ


def scope_of(**changes: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/app/x",
        "raw_path": b"/app/x",
        "root_path": "/app",
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 4711),
        "server": ("gateway.example", 8443),
        **changes,
    }


def build(**changes: Any) -> Environ:
    return build_environ(scope_of(**changes), io.BytesIO(), None)


# SCRIPT_NAME and PATH_INFO


@pytest.mark.parametrize(
    ("path", "script_name", "path_info"),
    [
        ("/app", "/app", "/"),
        ("/app/", "/app", "/"),
        ("/app/a", "/app", "/a"),
        ("/app/a/", "/app", "/a/"),
        ("/app//a", "/app", "//a"),
        ("/app/app/a", "/app", "/app/a"),
        ("/app/a%20b", "/app", "/a b"),
        ("/app/a%2Fb", "/app", "/a/b"),
        ("/app/a%3Fb", "/app", "/a?b"),
        ("/app/100%25", "/app", "/100%"),
        ("/app/a+b", "/app", "/a+b"),
        ("/app/caf%C3%A9", "/app", "/caf\xc3\xa9"),
        ("/app/%E2%82%AC/x", "/app", "/\xe2\x82\xac/x"),
        ("/app/%FF", "/app", "/\xff"),
        ("/app/%C3%A9%FF%20", "/app", "/\xc3\xa9\xff "),
        ("/%61pp/%FF", "/app", "/\xff"),
        ("/caf%C3%A9/a", "/caf\xc3\xa9", "/a"),
        ("/caf%C3%A9/%FF", "/caf\xc3\xa9", "/\xff"),
        ("/caf%C3%A9", "/caf\xc3\xa9", "/"),
    ],
)
def test_the_path_is_the_requests_own_bytes(
    server: Served, path: str, script_name: str, path_info: str
) -> None:
    environ = environ_of(server, path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


def test_the_processs_own_script_name_variable_is_ignored(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPT_NAME", "/elsewhere")
    environ = environ_of(server, "/app/a")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/a")


@pytest.mark.parametrize(
    ("path", "path_info"),
    [("/app/a", "/a"), ("/app", "/"), ("/app/caf%C3%A9%FF", "/caf\xc3\xa9\xff")],
)
def test_an_outer_prefix_is_prepended(path: str, path_info: str) -> None:
    with serve(remember, root_path="/gw") as server:
        environ = environ_of(server, path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/gw/app", path_info)


def test_a_scope_without_raw_path_has_its_path_encoded_again() -> None:
    environ = build(path="/app/café", raw_path=None)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/caf\xc3\xa9")


# QUERY_STRING


@pytest.mark.parametrize("query", ["", "a=1&b=2", "a=%C3%A9", "a=%FF", "a=b?c=d", "%", "a=b+c"])
def test_the_query_is_passed_on_as_it_was_sent(server: Served, query: str) -> None:
    assert environ_of(server, f"/app/?{query}")["QUERY_STRING"] == query


def test_a_query_that_is_not_ascii_is_latin_1() -> None:
    assert build(query_string=b"a=\xc3\xa9\xff")["QUERY_STRING"] == "a=\xc3\xa9\xff"


# Headers


def test_headers_become_variables(server: Served) -> None:
    environ = environ_of(server, "/app/", "X-Some-Name: value", "Accept: text/html")
    assert environ["HTTP_X_SOME_NAME"] == "value"
    assert environ["HTTP_ACCEPT"] == "text/html"
    assert environ["HTTP_HOST"] == "test"


def test_header_values_are_latin_1(server: Served) -> None:
    assert environ_of(server, "/app/", "X-Name: Zo\xeb")["HTTP_X_NAME"] == "Zo\xeb"


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("X_Auth_User", "HTTP_X_AUTH_USER"),
        ("X-Auth_User", "HTTP_X_AUTH_USER"),
        ("x_auth_user", "HTTP_X_AUTH_USER"),
        ("Content_Type", "HTTP_CONTENT_TYPE"),
        ("Content_Length", "HTTP_CONTENT_LENGTH"),
        ("Proxy", "HTTP_PROXY"),
        ("PROXY", "HTTP_PROXY"),
    ],
)
def test_ambiguous_header_names_are_dropped(server: Served, name: str, variable: str) -> None:
    environ = environ_of(server, "/app/", f"{name}: admin")
    assert variable not in environ
    assert "admin" not in environ.values()


def test_a_header_with_an_underscore_is_not_joined_with_the_one_with_a_hyphen(
    server: Served,
) -> None:
    environ = environ_of(server, "/app/", "X_Auth_User: admin", "X-Auth-User: alice")
    assert environ["HTTP_X_AUTH_USER"] == "alice"


@pytest.mark.parametrize(
    ("headers", "cookie"),
    [
        (["Cookie: a=1"], "a=1"),
        (["Cookie: a=1", "Cookie: b=2"], "a=1; b=2"),
        (["Cookie: a=1; b=2", "X-Other: x", "Cookie: c=3"], "a=1; b=2; c=3"),
    ],
)
def test_cookies_are_joined_with_semicolons(
    server: Served, headers: list[str], cookie: str
) -> None:
    assert environ_of(server, "/app/", *headers)["HTTP_COOKIE"] == cookie


def test_other_repeated_headers_are_joined_with_commas(server: Served) -> None:
    environ = environ_of(server, "/app/", "X-Tag: a", "X-Other: x", "X-Tag: b, c", "x-tag: d")
    assert environ["HTTP_X_TAG"] == "a,b, c,d"


# Bodies


def test_a_request_without_body_has_no_content_length(server: Served) -> None:
    environ = environ_of(server, "/app/")
    assert "CONTENT_LENGTH" not in environ
    assert "CONTENT_TYPE" not in environ
    assert environ["body"] == b""


def test_a_body_has_its_length_and_type(server: Served) -> None:
    headers = ("Content-Length: 3", "Content-Type: text/x")
    environ = environ_of(server, "/app/", *headers, method="POST", body=b"abc")
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]) == ("3", "text/x")
    assert environ["body"] == b"abc"
    assert not {"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"} & set(environ)


def test_an_empty_body_has_its_length(server: Served) -> None:
    environ = environ_of(server, "/app/", "Content-Length: 0", method="POST")
    assert (environ["CONTENT_LENGTH"], environ["body"]) == ("0", b"")


def test_a_chunked_body_has_a_length_and_no_transfer_encoding(server: Served) -> None:
    body = b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    environ = environ_of(server, "/app/", "Transfer-Encoding: chunked", method="POST", body=body)
    assert (environ["CONTENT_LENGTH"], environ["body"]) == ("4", b"abcd")
    assert "HTTP_TRANSFER_ENCODING" not in environ


@pytest.mark.parametrize("headers", [(), ("Content-Length: 0",), ("Transfer-Encoding: chunked",)])
def test_the_input_ends_where_the_body_ends(server: Served, headers: tuple[str, ...]) -> None:
    body = b"0\r\n\r\n" if headers[:1] == ("Transfer-Encoding: chunked",) else b""
    environ = environ_of(server, "/app/", *headers, method="POST", body=body)
    assert environ["wsgi.input_terminated"] is True
    assert environ["body"] == b""


# Other variables


def test_the_environ_has_the_request_line_and_the_addresses(server: Served) -> None:
    environ = environ_of(server, "/app/", method="DELETE")
    assert environ["REQUEST_METHOD"] == "DELETE"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(server.port))
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["REMOTE_PORT"].isdecimal()
    assert environ["wsgi.url_scheme"] == "http"


def test_forwarded_headers_are_ignored(server: Served) -> None:
    environ = environ_of(server, "/app/", "Forwarded: for=192.0.2.9;proto=https")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_scheme_comes_from_the_scope(scheme: str) -> None:
    assert build(scheme=scheme)["wsgi.url_scheme"] == scheme


def test_the_addresses_come_from_the_scope() -> None:
    environ = build()
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("gateway.example", "8443")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "4711")


def test_a_server_on_a_unix_socket_has_no_addresses() -> None:
    environ = build(client=None, server=("/run/gateway.sock", None))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("/run/gateway.sock", "0")
    assert "REMOTE_ADDR" not in environ


def test_the_environ_has_the_variables_of_pep_3333(server: Served) -> None:
    environ = environ_of(server, "/app/")
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.run_once"] is False
    assert type(environ) is dict
    assert {type(value) for name, value in environ.items() if name.isupper()} == {str}


def test_errors_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    environ = build()
    assert environ["wsgi.errors"] is sys.stderr
    print("something went wrong", file=environ["wsgi.errors"])
    assert tuple(capsys.readouterr()) == ("", "something went wrong\n")


def test_the_environ_contains_the_unchanged_scope() -> None:
    headers = [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x_y", b"z")]
    scope = scope_of(headers=[*headers], query_string=b"\xff")
    environ = build_environ(scope, io.BytesIO(), None)
    assert environ["asgi.scope"] is scope
    assert scope == scope_of(headers=headers, query_string=b"\xff")


@pytest.mark.parametrize(
    "target",
    [
        "/app/a%2Fb?c=%2F&d",
        "/app/caf%C3%A9",
        "/app/a//b",
        "/app/%41",
        "/app/?",
        "/app/inner/x?y=z#"[:-1],
    ],
)
def test_the_raw_uri_is_the_target_as_sent(server: Served, target: str) -> None:
    environ = environ_of(server, target)
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == target.removesuffix("?")


def test_a_raw_uri_is_built_if_the_server_gives_none() -> None:
    scope = scope_of(path="/caf\u00e9 a", query_string=b"b=c")
    scope.pop("raw_path", None)
    assert build_environ(scope, io.BytesIO(), None)["RAW_URI"] == "/caf%C3%A9%20a?b=c"
