"""httpbin: methods, headers, cookies, redirects, status codes, streams and encodings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.applications.comparing import assert_alike, both_answers, replacing
from tests.applications.environment import Addresses, both, on_gunicorn
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.slow

HTTPBIN = on_gunicorn("/bin", "httpbin:app")


@pytest.fixture(scope="module")
def httpbin(data: Path) -> Iterator[Addresses]:
    with both(HTTPBIN, data) as addresses:
        yield addresses


# The gateway adds this header to the request; httpbin shows it.
CLEAN = replacing(r' *"X-Request-Id": "[^"]*",? *\n')


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/ip", "/user-agent", "/headers", "/get?a=1&a=2&b=%C3%A4+%2B", "/anything/x%2Fy/z"),
        *("/html", "/json", "/xml", "/robots.txt", "/deny", "/encoding/utf8", "/forms/post"),
        *("/status/204", "/status/304", "/status/404", "/status/418", "/status/500", "/status/503"),
        *("/redirect/2", "/relative-redirect/2", "/absolute-redirect/2"),
        *("/redirect-to?url=/get", "/cookies/set?a=1&b=2", "/cookies/delete?a", "/cookies"),
        *("/response-headers?X-A=1&X-A=2", "/cache", "/cache/60", "/etag/abc", "/image/png"),
        *("/bytes/10000?seed=1", "/stream-bytes/10000?seed=1&chunk_size=100", "/stream/20"),
        *("/range/1000", "/links/3/0", "/drip?duration=0&numbytes=100", "/base64/aGVsbG8="),
        *("/basic-auth/ann/secret", "/hidden-basic-auth/ann/secret", "/bearer", "/nothing"),
        *("/gzip", "/deflate", "/brotli", "/static/favicon.ico", "/spec.json"),
    ],
)
def test_a_get(httpbin: Addresses, path: str) -> None:
    but = {"etag", "last-modified"} if path == "/cache" else None  # drawn anew
    assert_alike(httpbin, "GET", path, clean=CLEAN, but=but, follow_redirects=False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "options",
    [
        {"json": {"a": [1, "ä"]}},
        {"data": {"a": "1", "b": "ä +"}},
        {
            "files": {"file": ("a.bin", bytes(range(256)) * 400)},
            "headers": {"Content-Type": "multipart/form-data; boundary=border"},
        },
        {"content": b""},
    ],
    ids=["json", "form", "file", "empty"],
)
def test_a_body(httpbin: Addresses, method: str, options: dict[str, Any]) -> None:
    assert_alike(httpbin, method, f"/{method.lower()}", clean=CLEAN, **options)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/range/1000", {"Range": "bytes=10-19"}),
        ("/range/1000", {"Range": "bytes=2000-"}),
        ("/etag/abc", {"If-None-Match": "abc"}),
        ("/etag/abc", {"If-Match": "other"}),
        ("/cache", {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}),
        ("/basic-auth/ann/secret", {"Authorization": "Basic YW5uOnNlY3JldA=="}),
        ("/bearer", {"Authorization": "Bearer abc"}),
        ("/cookies", {"Cookie": "a=1; b=2"}),
        ("/image", {"Accept": "image/webp"}),
        ("/headers", {"X-Custom": 'a, b; c="d"', "Referer": "http://a.example/"}),
    ],
)
def test_a_header(httpbin: Addresses, path: str, headers: dict[str, str]) -> None:
    assert_alike(httpbin, "GET", path, clean=CLEAN, headers=headers)


def test_head_and_options(httpbin: Addresses) -> None:
    for path in ("/get", "/bytes/100?seed=1", "/status/404"):
        assert_alike(httpbin, "HEAD", path)
        assert_alike(httpbin, "OPTIONS", path)


def test_a_body_of_two_megabytes(httpbin: Addresses) -> None:
    answers = both_answers(httpbin, "POST", "/post", content=b"x" * 2_000_000)
    assert [len(answer.json()["data"]) for answer in answers] == [2_000_000] * 2


def test_redirects_stay_below_the_prefix(httpbin: Addresses) -> None:
    answer = httpx.get(f"{httpbin.gateway}/redirect/3", follow_redirects=True, timeout=PATIENCE)
    assert (answer.status_code, answer.url.path) == (200, "/bin/get")
    assert len(answer.history) == 3
