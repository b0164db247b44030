"""Requests of curl commands."""

import base64
from pathlib import Path

import pytest

from framework_gateway.compare.curl import curl_command
from framework_gateway.compare.inputs import InputError
from framework_gateway.compare.inputs.curl import read_curl, refuse_file
from framework_gateway.compare.messages import Request

FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("command", "request_"),
    [
        ("curl http://shop.example", Request("GET", "/")),
        ("curl -sSL --compressed http://shop.example/a?b=%20", Request("GET", "/a?b=%20")),
        ("curl shop.example/a -o out -w '%{http_code}'", Request("GET", "/a")),
        ("curl -I http://x/a", Request("HEAD", "/a")),
        ("curl -X delete http://x/a", Request("DELETE", "/a")),
        ("curl --url http://x/a -XOPTIONS", Request("OPTIONS", "/a")),
        ("curl http://x/ -d a=1 -d b=2", Request("POST", "/", (FORM,), b"a=1&b=2")),
        ("curl -G http://x/?z=0 -d a=1 --data-raw b=2", Request("GET", "/?z=0&a=1&b=2")),
        ("curl http://x/ -d -1", Request("POST", "/", (FORM,), b"-1")),
        ("curl http://x/ --data-urlencode 'q=a b&c'", Request("POST", "/", (FORM,), b"q=a+b%26c")),
        (
            "curl --json '{\"a\": 1}' http://x/",
            Request("POST", "/", (("Accept", "application/json"), JSON), b'{"a": 1}'),
        ),
        (
            "curl http://x/ -X PUT -H 'content-type: text/plain' --data-binary @body",
            Request("PUT", "/", (("content-type", "text/plain"),), b"@1\r\n"),
        ),
        (
            "curl http://x/ --data-urlencode t@body --data-urlencode =a=b --data-urlencode @body",
            Request("POST", "/", (FORM,), b"t=%401%0D%0A&a%3Db&%401%0D%0A"),
        ),
        ("curl http://x/ -d @body", Request("POST", "/", (FORM,), b"@1")),
        ("curl http://x/ --data-raw @body", Request("POST", "/", (FORM,), b"@body")),
    ],
)
def test_what_curl_would_send_is_read(
    command: str, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("body").write_bytes(b"@1\r\n")
    assert read_curl(command) == request_


def test_headers_are_read() -> None:
    request = read_curl(
        "curl http://x/ -H 'X-A: 1: 2' -H 'X-Empty;' -H 'Accept:' -H 'Host: other' -u me:pw"
        " -b 'a=1; b=2' -A agent -e http://x/from"
    )
    assert request.headers == (
        ("X-A", "1: 2"),
        ("X-Empty", ""),
        ("Authorization", "Basic " + base64.b64encode(b"me:pw").decode()),
        ("Cookie", "a=1; b=2"),
        ("User-Agent", "agent"),
        ("Referer", "http://x/from"),
    )


def test_a_command_of_a_browser_is_read() -> None:
    command = r"""curl 'https://shop.example/api/orders?x=1' \
  -X 'POST' \
  -H 'accept: application/json' \
  -H 'content-type: application/json' \
  --data-raw $'{"item":"it\'s \u00e9\u0021\n","path":"a\\b"}' \
  --insecure"""
    request = read_curl(command)
    assert (request.method, request.path) == ("POST", "/api/orders?x=1")
    assert request.body.decode() == '{"item":"it\'s é!\n","path":"a\\b"}'
    assert request.headers == (("accept", "application/json"), ("content-type", "application/json"))


def test_a_form_with_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "photo.txt"
    file.write_bytes(b"\x00picture")
    request = read_curl(f"curl http://x/photos -F title=Cat -F 'photo=@{file};type=text/plain'")
    (content_type,) = [value for name, value in request.headers if name == "Content-Type"]
    assert content_type.startswith("multipart/form-data; boundary=")
    assert b'name="title"\r\n\r\nCat' in request.body
    assert b'filename="photo.txt"\r\nContent-Type: text/plain' in request.body
    assert b"\x00picture" in request.body


def test_fields_of_a_form_keep_their_type_and_name(tmp_path: Path) -> None:
    file = tmp_path / "photo.txt"
    file.write_bytes(b"picture")
    body = read_curl(
        f"curl http://x/ -F 'a={{}};type=application/json' -F 'b=1;2' -F 'c=<{file}'"
        f" -F 'd=@{file};filename=e.png'"
    ).body
    assert b'name="a"\r\nContent-Type: application/json\r\n\r\n{}\r\n' in body
    assert b'name="b"\r\n\r\n1;2\r\n' in body
    assert b'name="c"\r\n\r\npicture\r\n' in body
    assert b'name="d"; filename="e.png"' in body


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "begins with curl"),
        ("wget http://x/", "begins with curl"),
        ("curl", "0 URLs"),
        ("curl http://x/ http://y/", "2 URLs"),
        ("curl --no-such http://x/", "--no-such not recognized"),
        ("curl 'http://x/", "quotes"),
        ("curl http://x/ -H @headers", "of a file are not supported: @headers"),
        ("curl http://x/ -b jar.txt", "of a file are not supported: jar.txt"),
        ("curl http://[x/", "Invalid IPv6 URL"),
        ("curl http://x/ -d @nowhere", "nowhere: No such file"),
    ],
)
def test_other_commands_are_refused(command: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_curl(command)


def test_a_command_of_a_report_sends_its_body_and_no_file() -> None:
    command = curl_command("POST", "http://x/", body=b"@/etc/hostname")
    assert read_curl(command, refuse_file).body == b"@/etc/hostname"
