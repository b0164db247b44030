"""Several requests on a connection: each response is in its place, and none comes from a body.

Requests that two parsers could interpret differently are in test_one_answer.py.
"""

import pytest

from tests.attack.client import Target, request
from tests.conftest import FRAMEWORKS

NEXT = request("GET /fastapi/api/hello HTTP/1.1", "Connection: close")


def test_a_body_too_large_is_not_read_as_requests(target: Target) -> None:
    length = f"Content-Length: {10**12}"
    attacks = [
        request(f"POST /{mount}/api/users HTTP/1.1", length, body=NEXT) for mount in FRAMEWORKS
    ]
    found = target.send_each(attacks)
    assert [[answer.status for answer in answers] for answers in found] == [[413]] * 3


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "GZIP,chunked", "deflate , chunked", "x, chunked"]
)
def test_a_body_with_an_unsupported_transfer_coding_is_refused(target: Target, coding: str) -> None:
    for mount in (*FRAMEWORKS, "compare"):
        line, chunks = f"POST /{mount}/api/users HTTP/1.1", b"2\r\n{}\r\n0\r\n\r\n"
        attack = request(line, f"Transfer-Encoding: {coding}", body=chunks)
        assert [answer.status for answer in target.send(attack + NEXT)] == [501, 200]


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    slow = [
        request(f"GET /{mount}/api/wait?ms={ms} HTTP/1.1")
        for mount, ms in (("flask", 120), ("fastapi", 80), ("django", 40))
    ]
    ids = [
        request(f"GET /{mount}/api/users/{n} HTTP/1.1") for n in (1, 2, 3) for mount in FRAMEWORKS
    ]
    answers = target.send(b"".join([*slow, *ids, NEXT]))
    assert [answer.body for answer in answers[:3]] == [
        b'{"waited_ms":%d}' % ms for ms in (120, 80, 40)
    ]
    assert [answer.status for answer in answers[3:]] == [*[200] * 6, *[404] * 3, 200]


@pytest.mark.parametrize("mount", FRAMEWORKS)
def test_an_upgrade_is_answered_after_earlier_requests(target: Target, mount: str) -> None:
    handshake = request(
        *("GET /fastapi/api/users/live HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    )
    [answer] = target.send(request(f"GET /{mount}/api/wait?ms=100 HTTP/1.1") + handshake)
    assert answer.body == b'{"waited_ms":100}'
