"""Requests that two readers could take apart differently: one inside another's body or head.

Each attack is followed by somebody else's request on the same connection, as a proxy would send
it. Either the attack is refused and the connection ended, or it is one request and the next one
gets the answer that it asked for. What was hidden is never answered.
"""

import pytest

from tests.attack.client import HELLO, Target, request
from tests.bridge.server import Answer

MOUNTS = ("flask", "fastapi", "django")  # WSGI and ASGI

HIDDEN = request("GET /django/api/users HTTP/1.1")
NEXT = request("GET /fastapi/api/hello HTTP/1.1", "Connection: close")
CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"2\r\n{}\r\n0\r\n\r\n"  # an empty object in chunks


def post(mount: str, *headers: bytes, body: bytes) -> bytes:
    """Write a POST to a mount."""
    line = f"POST /{mount}/api/users HTTP/1.1"
    return request(line, "Content-Type: application/json", *headers, body=body)


def statuses(answers: list[Answer]) -> list[int]:
    """Check that what was hidden was not answered; return the statuses."""
    for answer in answers:
        assert b"alice@example.com" not in answer.body
    return [answer.status for answer in answers]


def assert_refused(target: Target, *headers: bytes, body: bytes = BODY) -> None:
    """Check that every mount refuses, and that nothing behind the attack is looked at."""
    for mount in MOUNTS:
        answers = target.send(post(mount, *headers, body=body) + NEXT)
        assert statuses(answers) == [400], mount


def assert_one_request(target: Target, *headers: bytes, body: bytes = BODY) -> None:
    """Check that every mount reads one body, of two bytes, and that the next request is itself."""
    for mount in MOUNTS:
        answers = target.send(post(mount, *headers, body=body) + NEXT)
        assert statuses(answers) == [422, 200], mount
        assert answers[-1].body == HELLO


def test_both_framings_at_once_are_refused(target: Target) -> None:
    length = b"Content-Length: %d" % (len(HIDDEN) + 5)
    assert_refused(target, length, CHUNKED, body=b"0\r\n\r\n" + HIDDEN)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    assert_refused(target, CHUNKED, b"Content-Length: 4", body=chunk)


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunk",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked,",
        b"Transfer-Encoding: chunked;q=1",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\x0b",
        b"Transfer-Encoding: chunked\x00",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t: chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding:\n chunked",
        b"X: a\r\n Transfer-Encoding: chunked",
        b"X: a\nTransfer-Encoding: chunked",
        b"X: a\rTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b" Transfer-Encoding: chunked",
        b"Transfer Encoding: chunked",
        b": chunked",
        b"Transfer-Encoding",
    ],
)
def test_an_odd_transfer_encoding_is_refused(target: Target, header: bytes) -> None:
    assert_refused(target, header)


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"\tchunked", b"identity, chunked"])
def test_chunked_is_understood_as_the_last_encoding(target: Target, value: bytes) -> None:
    assert_one_request(target, b"Transfer-Encoding: " + value)


@pytest.mark.parametrize(
    "value",
    [
        *(b"+2", b"-2", b"0x2", b"2,2", b"2, 3", b"2 2", b"", b"2.0", b"1e0", b"2_0", b"2\x00"),
        *(b"\xc2\xb2", b"18446744073709551618", b"99999999999999999999"),
        b"2\r\nContent-Length: 2",
        b"2\r\nContent-Length: 40",
        b"2\r\n 40",
    ],
)
def test_an_odd_length_is_refused(target: Target, value: bytes) -> None:
    assert_refused(target, b"Content-Length: " + value, body=b"{}")


@pytest.mark.parametrize("value", [b"2", b"02", b"2 ", b" \t2\t "])
def test_white_space_and_zeros_do_not_change_a_length(target: Target, value: bytes) -> None:
    assert_one_request(target, b"Content-Length:" + value, body=b"{}")


def test_an_underscore_makes_it_another_header(target: Target) -> None:
    headers = (b"Content-Length: 2", b"Transfer_Encoding: chunked", b"Content_Length: 40")
    assert_one_request(target, *headers, body=b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b"2\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\n0\n\n",
        b"2\r\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"g\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"2;\n\r\n{}\r\n0\r\n\r\n",
        b"10000000000000002\r\n{}\r\n0\r\n\r\n",
        b"fffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}XX\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nContent-Length 40\r\n\r\n",
    ],
)
def test_an_odd_chunk_is_refused(target: Target, body: bytes) -> None:
    assert_refused(target, CHUNKED, body=body)


def test_extensions_of_chunks_are_skipped(target: Target) -> None:
    assert_one_request(target, CHUNKED, body=b'2;a=1;b="2"\r\n{}\r\n0\r\n\r\n')


def test_trailers_change_nothing_of_the_next_request(target: Target) -> None:
    trailers = b"0\r\nX-Request-ID: stolen\r\nCookie: sessionid=stolen\r\n\r\n"
    assert_one_request(target, CHUNKED, body=b"2\r\n{}\r\n" + trailers)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /flask/api/users HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2\n\n{}",
        b"POST /flask/api/users HTTP/1.1\r\n Host: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /flask/api/users HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
        b"POST\t/flask/api/users HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /flask/api/users HTTP/1.1 x\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /flask/api users HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"P\xc3\x96ST /flask/api/users HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x00POST /flask/api/users HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_a_malformed_head_is_refused(target: Target, head: bytes) -> None:
    assert statuses(target.send(head + NEXT)) == [400]


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_body_where_none_is_expected_is_no_request(
    target: Target, mount: str, method: str
) -> None:
    lines = [f"{method} /{mount}/api/hello HTTP/1.1", f"Content-Length: {len(HIDDEN)}"]
    answers = target.send(request(*lines, body=HIDDEN) + NEXT)
    assert statuses(answers)[1:] == [200]
    assert answers[-1].body == HELLO


def test_a_body_too_large_is_not_read_as_requests(target: Target) -> None:
    length = b"Content-Length: %d" % 10**12
    attacks = [post(mount, length, body=HIDDEN + NEXT) for mount in MOUNTS]
    assert [statuses(answers) for answers in target.send_each(attacks)] == [[413]] * 3


def test_pipelined_requests_are_answered_in_their_order(target: Target) -> None:
    slow = [
        request(f"GET /{mount}/api/wait?ms={ms} HTTP/1.1")
        for mount, ms in (("flask", 120), ("fastapi", 80), ("django", 40))
    ]
    ids = [request(f"GET /{mount}/api/users/{n} HTTP/1.1") for n in (1, 2, 3) for mount in MOUNTS]
    answers = target.send(b"".join([*slow, *ids, NEXT]))
    assert [answer.body for answer in answers[:3]] == [
        b'{"waited_ms":%d}' % ms for ms in (120, 80, 40)
    ]
    assert [answer.status for answer in answers[3:]] == [*[200] * 6, *[404] * 3, 200]


@pytest.mark.parametrize("mount", MOUNTS)
def test_an_upgrade_is_not_answered_before_what_came_first(target: Target, mount: str) -> None:
    handshake = request(
        *("GET /fastapi/api/users/live HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    )
    [answer] = target.send(request(f"GET /{mount}/api/wait?ms=100 HTTP/1.1") + handshake)
    assert answer.body == b'{"waited_ms":100}'


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0", "HTTP/3"])
def test_what_follows_an_upgrade_is_no_request(target: Target, protocol: str) -> None:
    lines = ["GET /flask/api/hello HTTP/1.1", f"Upgrade: {protocol}", "Connection: Upgrade, close"]
    answers = target.send(request(*lines) + HIDDEN)
    assert statuses(answers) in ([200], [400])
