"""Headers that could change the response, the user, or the client's address."""

import pytest

from tests.assets import STYLE
from tests.attack.client import HELLO, Target, request
from tests.conftest import FRAMEWORKS

SAME_ID = "X-Request-ID: attack"  # problem documents contain it
BREAKS = ["%0d%0aX-Evil:%201", "%0aX-Evil:%201", "%0dX-Evil:%201", "%e5%98%8a%e5%98%8dX-Evil:1"]


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize(
    "path",
    [
        "/{mount}/api/users?limit=1&search=%40{evil}",
        "/{mount}/api/users?limit=1{evil}",
        "/{mount}/api/users/1{evil}",
        "/{mount}/{evil}",
        "/{mount}{evil}",
        "/{evil}",
        "/compare/api/users?search={evil}",
    ],
)
def test_a_request_target_cannot_inject_a_response_header(
    target: Target, line_break: str, path: str
) -> None:
    for mount in FRAMEWORKS:
        answer = target.ask(f"GET {path.format(mount=mount, evil=line_break)} HTTP/1.1")
        assert answer.headers is not None
        assert "X-Evil" not in answer.headers
        assert answer.status < 500


@pytest.mark.parametrize("path", ["/django/admin/", "/django/admin/login/", "/django/"])
@pytest.mark.parametrize("line_break", BREAKS)
def test_a_redirect_target_cannot_inject_a_response_header(
    target: Target, path: str, line_break: str
) -> None:
    answer = target.ask(f"GET {path}?next=/{line_break} HTTP/1.1")
    assert answer.headers is not None
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "header",
    [
        *("X-Request-ID: a\x01b", "X-Request-ID: \xe9", "X-Request-ID: " + "a" * 15000),
        *("Accept: text/csv\x0b", 'Accept: text/csv;q="', "Accept: " + "a/b," * 4000),
        *("Last-Event-ID: \x01", "traceparent: 00-x", "Cookie: sessionid=\xff; csrftoken=\x01"),
        *("Cookie: " + "a=b; " * 3000, "Cookie: ;;;=;=;", "Authorization: Bearer \xff"),
        *("Authorization: Bearer", "Authorization: Basic !!!", "Accept-Language: " + "x-" * 7000),
        *("If-Modified-Since: x", "If-None-Match: \x01", "Content-Type: \xff", "Origin: null"),
        *("X: " + "\t" * 9000, "X:", "X: \x7f"),
    ],
)
def test_a_strange_header_value_causes_no_server_error(target: Target, header: str) -> None:
    paths = [f"/{mount}/api/users?limit=1" for mount in FRAMEWORKS]
    for path in (*paths, "/django/admin/login/", "/fastapi/api/users/export", "/"):
        assert target.ask(f"GET {path} HTTP/1.1", header.encode("latin-1")).status < 500


@pytest.mark.parametrize("value", ["\\" * 15_000, "\\a" * 7_000, '"' + "\\\\" * 7_000])
def test_a_cookie_that_takes_seconds_to_parse_is_refused(target: Target, value: str) -> None:
    for path in ("/flask/api/hello", "/fastapi/api/hello", "/django/admin/login/", "/"):
        for cookie in (f'sessionid="{value}"', f'a="{value}"; sessionid=b'):
            answer = target.ask(f"GET {path} HTTP/1.1", f"Cookie: {cookie}")
            assert answer.status == 400


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize(
    "header",
    [
        *("Remote-User: admin", "REMOTE_USER: admin", "Remote_User: admin", "X-Remote-User: admin"),
        *("HTTP_REMOTE_USER: admin", "X-Forwarded-User: admin", "X_Auth_User: admin"),
        *("X-Auth-User: admin", "X-Forwarded-Preferred-Username: admin", "wsgi.user: admin"),
        *("Authorization: Basic YWRtaW46YWRtaW4=", "Proxy-Authorization: Basic YWRtaW46YWRtaW4="),
        *("Cookie: REMOTE_USER=admin", "Cookie: sessionid=admin", "From: admin@example.com"),
    ],
)
def test_no_header_identifies_an_anonymous_client(target: Target, mount: str, header: str) -> None:
    assert target.ask(f"GET /{mount}/api/me HTTP/1.1", header).status == 401


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-Host: evil.example", "X-Forwarded-Server: evil.example", "X-Host: evil"),
        *("Forwarded: host=evil.example;proto=https;for=127.0.0.1", "X-Original-URL: /django/"),
        *("X-Rewrite-URL: /django/admin/", "X-Forwarded-Prefix: /evil", "X-Script-Name: /evil"),
        *("SCRIPT_NAME: /evil", "Script-Name: /evil", "X-Forwarded-Proto: https"),
        *("X-Forwarded-Scheme: https", "X-Forwarded-Port: 444", "X-Real-IP: 10.0.0.1"),
        *("X-Forwarded-For: 10.0.0.1", "Proxy: http://evil.example", "X-HTTP-Method-Override: PUT"),
        *("X-HTTP-Method: DELETE", "X-Method-Override: DELETE", "Front-End-Https: on"),
    ],
)
def test_no_header_changes_where_a_request_goes(target: Target, header: str) -> None:
    """URLs that the server generates are the same with and without the header."""
    for path in (
        "/flask/api/users?limit=1",
        "/fastapi/api/users?limit=1",
        "/django/admin",
        "/django/api/users?limit=1",
        "/fastapi/docs",
        "/routes",
    ):
        line = f"GET {path} HTTP/1.1"
        plain, answer = target.ask(line, SAME_ID), target.ask(line, SAME_ID, header)
        assert answer.status == plain.status
        assert answer.body == plain.body
        for name in ("Link", "Location"):
            assert answer.header(name) == plain.header(name)


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize("field", ["X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE"])
def test_neither_a_header_nor_a_query_overrides_the_method(
    target: Target, mount: str, field: str
) -> None:
    assert target.ask(f"POST /{mount}/api/users/1?_method=DELETE HTTP/1.1", field).status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/flask/api/hello",
        "/fastapi/api/hello",
        "/django/api/hello",
        "/django/admin/",
        "/",
        "/fastapi/docs",
        "/health/ready",
    ],
)
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PURGE", "TRACK", "DEBUG"])
def test_other_methods_are_neither_echoed_nor_obeyed(
    target: Target, path: str, method: str
) -> None:
    answer = target.ask(f"{method} {path} HTTP/1.1", "X-Secret: canary")
    assert answer.status in (302, 400, 403, 405)
    assert b"canary" not in answer.body


@pytest.mark.parametrize(
    "value",
    [
        *("bytes=0-", "bytes=0-0,1-1,2-2", "bytes=" + ",".join(["0-"] * 2000), "bytes=-1"),
        *("bytes=5-1", "bytes=99999999999999999999-", "bytes=a-b", "bytes=" + "," * 5000),
        *("bytes=" + ",".join(f"{n}-{n}" for n in range(1500)), "x" * 9000),
    ],
)
def test_ranges_do_not_enlarge_a_response(target: Target, value: str) -> None:
    for path in (
        STYLE,
        "/django/static/admin/css/base.css",
        "/fastapi/static-offline-docs/swagger-ui.css",
        "/flask/api/users",
    ):
        whole = target.ask(f"GET {path} HTTP/1.1")
        part = target.ask(f"GET {path} HTTP/1.1", f"Range: {value}")
        assert whole.status == 200
        assert part.status in (200, 206, 400, 416)
        assert len(part.body) <= 2 * len(whole.body) + 1000


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + request("GET /flask/api/me HTTP/1.1"),
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + b"\x00" * 12,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 1000,
        b"\xff" * 1000,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"EHLO evil.example\r\n",
    ],
)
def test_other_protocols_are_refused(target: Target, data: bytes) -> None:
    assert [answer.status for answer in target.send(data)] == [400]


@pytest.mark.parametrize("version", ["http/1.1", "HTTP/01.1", "HTTP/1.10", "HTTP/1", "FOO/1.1"])
def test_a_malformed_http_version_is_refused(target: Target, version: str) -> None:
    assert target.ask(f"GET /flask/api/hello {version}").status == 400


@pytest.mark.parametrize(
    "version", ["", " HTTP/0.9", " HTTP/1.2", " HTTP/2.0", " HTTP/3.0", " HTTP/9.9"]
)
def test_other_http_versions_are_refused(target: Target, version: str) -> None:
    line = f"GET /flask/api/hello{version}\r\n"
    [answer] = target.send(line.encode() + b"Host: 127.0.0.1\r\n\r\n")
    assert answer.status == 505


@pytest.mark.parametrize("target_path", ["/flask/api/users/1#x", "/flask/#x", "/#", "*#"])
def test_a_target_with_a_fragment_is_refused(target: Target, target_path: str) -> None:
    assert target.ask(f"DELETE {target_path} HTTP/1.1").status == 400


def test_a_line_break_before_a_request_is_skipped(target: Target) -> None:
    [answer] = target.send(b"\r\n" + request("GET /flask/api/hello HTTP/1.1", "Connection: close"))
    assert answer.body == HELLO
