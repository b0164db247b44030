"""Charsets that a client chooses, and forms with very many parts."""

import pytest

from tests.attack.client import Target, request
from tests.conftest import FRAMEWORKS

# Python has codecs of these names, but for host names, for Python's own source, or not for text.
CODECS = [
    *("punycode", "idna", "hex", "rot13", "rot-13", "zip", "bz2", "base64", "uu", "quopri"),
    *("undefined", "unicode_escape", "raw-unicode-escape", '"punycode"', " Punycode"),
]


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_that_is_not_a_charset_is_refused(target: Target, mount: str, codec: str) -> None:
    for method in ("GET", "POST"):
        line = f"{method} /{mount}/api/users?search=99999999999999 HTTP/1.1"
        assert target.ask(line, f"Content-Type: text/plain; charset={codec}").status == 400


@pytest.mark.parametrize("charset", ["utf-8", "UTF-16", "latin-1", "cp037", "none", "\xe9", ""])
def test_a_charset_does_not_change_how_a_query_is_read(target: Target, charset: str) -> None:
    bodies = set()
    for mount in FRAMEWORKS:
        line = f"GET /{mount}/api/users?search=ALI%43E HTTP/1.1"
        answer = target.ask(line, f"Content-Type: text/plain; charset={charset}".encode("latin-1"))
        assert answer.status == 200
        bodies.add(answer.body)
    assert bodies == {b'[{"id":1,"name":"Alice","email":"alice@example.com"}]'}


@pytest.mark.parametrize("part", [b"--b", b"--b\r\n\r\nx", b"--b;", b"\n--b"])
def test_a_form_with_very_many_parts_is_refused(target: Target, part: bytes) -> None:
    body = part * (60_000 // len(part))
    lines = ("POST /django/admin/login/ HTTP/1.1", "Content-Type: multipart/form-data; boundary=b")
    [answer] = target.send(
        request(*lines, f"Content-Length: {len(body)}", "Connection: close") + body
    )
    assert answer.status == 400
