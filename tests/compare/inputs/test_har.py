"""Requests of HTTP Archives, and their secrets."""

import io
import json
from collections import Counter
from typing import Any

import pytest

from framework_gateway.compare.inputs import InputError, har
from framework_gateway.compare.inputs.har import read_archive
from framework_gateway.compare.messages import Request

SHOP = "https://shop.example"


def archive(*requests: dict[str, Any]) -> str:
    entries = [{"startedDateTime": "2026-11-27", "request": one, "_more": 1} for one in requests]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def entry(method: str, url: str, /, *headers: tuple[str, str], **post: Any) -> dict[str, Any]:
    pairs = [{"name": name, "value": value} for name, value in headers]
    found: dict[str, Any] = {"method": method, "url": url, "headers": pairs}
    return found | ({"postData": post} if post else {})


def read(text: str, **options: Any) -> tuple[list[Request], Counter[str]]:
    skipped: Counter[str] = Counter()
    return [*read_archive(io.StringIO(text), skipped, **options)], skipped


LOGIN = entry(
    "POST",
    f"{SHOP}/login?next=/&access_token=abc",
    *[(":method", "POST"), ("Host", "shop.example"), ("Content-Length", "9"), ("Accept", "a/b")],
    *[("Cookie", "sid=1"), ("Authorization", "Bearer x"), ("X-My-Token", "t")],
    ("Content-Type", "application/json"),
    mimeType="application/json",
    text='{"user": "eve", "password": "hunter2", "pin": 12, "nested": {"api_key": "k"}}',
)


def test_requests_are_read_without_secrets() -> None:
    (request,), skipped = read(archive(LOGIN))
    assert skipped == {har.SECRETS: 1}
    assert request == Request(
        "POST",
        "/login?next=/&access_token=***",
        (("Accept", "a/b"), ("Content-Type", "application/json")),
        b'{"user": "eve", "password": "***", "pin": "***", "nested": {"api_key": "***"}}',
    )


def test_secrets_can_be_kept() -> None:
    (request,), skipped = read(archive(LOGIN), secrets=True)
    assert skipped == {}
    assert request.path == "/login?next=/&access_token=abc"
    assert ("Cookie", "sid=1") in request.headers
    assert b"hunter2" in request.body


def test_requests_to_other_origins_are_counted() -> None:
    text = archive(
        entry("GET", f"{SHOP}"),
        entry("GET", "https://cdn.example/app.js"),
        entry("get", "https://me:pw@api.example/orders?x=1"),
    )
    requests, skipped = read(text)
    assert requests == [Request("GET", "/")]
    assert skipped == {
        "requests to https://cdn.example; --origin selects another origin": 1,
        "requests to https://api.example; --origin selects another origin": 1,
    }
    assert read(text, origin="https://api.example/")[0] == [Request("GET", "/orders?x=1")]


def test_forms_are_read() -> None:
    fields = [{"name": "a", "value": "1 2"}, {"name": "token", "value": "t"}]
    form = {"mimeType": "application/x-www-form-urlencoded; charset=UTF-8", "params": fields}
    header = ("Content-Type", "application/x-www-form-urlencoded")
    upload = {"mimeType": "multipart/form-data", "params": fields}
    requests, skipped = read(
        archive(entry("POST", SHOP, header, **form), entry("POST", SHOP, **upload))
    )
    assert requests == [Request("POST", "/", (header,), b"a=1+2&token=***")]
    assert skipped == {har.UNREADABLE_BODY: 1, har.SECRETS: 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "Invalid JSON"),
        ("{}", "log: Field required"),
        (archive(entry("GET", "http://[x/")), "log.entries.0.request.url: .*Invalid IPv6"),
        ('{"log": {"entries": [{"request": {"method": "GET"}}]}}', "log.entries.0.request.url"),
    ],
)
def test_other_files_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(text)
