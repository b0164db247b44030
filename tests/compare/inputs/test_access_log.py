"""Requests of access logs."""

from collections import Counter

import pytest

from framework_gateway.compare.inputs import Input, access_log
from framework_gateway.compare.inputs.access_log import read_access_log
from framework_gateway.compare.messages import Request

TIME = "[27/Nov/2026:10:00:00 +0000]"


def read(*lines: str) -> tuple[list[Request], Counter[str]]:
    skipped: Counter[str] = Counter()
    return [*read_access_log(lines, skipped)], skipped


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (f'10.0.0.1 - - {TIME} "GET /a?b=1 HTTP/1.1" 200 12', Request("GET", "/a?b=1")),
        (
            f'10.0.0.1 - eve {TIME} "GET /a HTTP/2.0" 304 - "http://x/[1] "y"" "curl/8 \\"x\\""',
            Request("GET", "/a"),
        ),
        (f'shop.example:80 ::1 - - {TIME} "HEAD / HTTP/1.0" 200 0 "-" "-"', Request("HEAD", "/")),
        (f'x - - {TIME} "GET http://shop.example/a?b HTTP/1.1" 200 1', Request("GET", "/a?b")),
        (f'x - - {TIME} "GET http://shop.example HTTP/1.1" 200 1', Request("GET", "/")),
        (f'x - - {TIME} "GET /\\x22\\" HTTP/1.1" 200 1', Request("GET", '/""')),
        (f'x - - {TIME} "GET /caf\\xC3\\xa9 HTTP/1.1" 200 1', Request("GET", "/caf%C3%A9")),
        (f'x - - {TIME} "DELETE /a/1 HTTP/1.1" 204 0', Request("DELETE", "/a/1")),
    ],
)
def test_the_common_and_combined_formats_are_read(line: str, request_: Request) -> None:
    assert read(line, "") == ([request_], Counter())


def test_what_is_left_out_is_counted() -> None:
    requests, skipped = read(
        f'x - - {TIME} "POST /a HTTP/1.1" 201 5',
        f'x - - {TIME} "\\x16\\x03\\x01" 400 157',
        f'x - - {TIME} "-" 408 0',
        f'x - - {TIME} "OPTIONS * HTTP/1.1" 200 0',
        f'x - - {TIME} "GET http://[x/ HTTP/1.1" 400 0',
        f'x - - {TIME} "GET /a\\x00b HTTP/1.1" 400 0',
        '{"method": "GET"}',
    )
    assert requests == []
    assert skipped == {access_log.NO_BODY: 1, access_log.NO_REQUEST: 5, access_log.NO_LINE: 1}


def test_unsafe_requests_can_be_left_out() -> None:
    found = Input("log", [Request("GET", "/"), Request("DELETE", "/a"), Request("HEAD", "/")])
    found.only_safe()
    assert [request.method for request in found.requests] == ["GET", "HEAD"]
    assert found.skipped == {"unsafe methods; --unsafe sends them": 1}
