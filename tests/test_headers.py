"""Security headers of every page of every mount, and those of all responses."""

import re
from collections import deque
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx
import pytest
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient

from framework_gateway.app import HSTS_SECONDS
from gateway import create_app
from tests.conftest import FRAMEWORKS
from tests.gateways import compose
from tests.test_admin import LOGIN, create_account, log_in

PAGES = {
    *("/", "/code", "/race", "/claims", "/live", "/routes", "/guide"),
    *("/fastapi/docs", "/fastapi/redoc", "/django/"),
    *("/django/admin/", "/django/admin/django_app/user/1/change/"),
    *("/django/admin/django_app/apitoken/add/", "/django/admin/password_change/"),
}


class Links(HTMLParser):
    """The links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def walk(client: TestClient) -> dict[str, httpx.Response]:
    """Follow every link to a page, starting with the first; return the pages by path."""
    waiting, seen, pages = deque(["/", "/django/"]), {"/", "/django/"}, {}
    while waiting:
        path = waiting.popleft()
        response = client.get(path)
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            continue
        pages[path] = response
        for link in Links(response.text).found:
            found = urlsplit(urljoin(f"http://127.0.0.1{path}", link))
            # The API has no pages, and its streams never end.
            is_page = found.hostname == "127.0.0.1" and "/api/" not in found.path
            if is_page and found.path not in seen:
                seen.add(found.path)
                waiting.append(found.path)
    return pages


def assert_headers_of_a_page(response: httpx.Response) -> None:
    """Check the headers of a page, and that its policy allows no foreign script."""
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    policy = {
        name: sources
        for name, *sources in map(str.split, response.headers["Content-Security-Policy"].split(";"))
    }
    assert policy["default-src"] in (["'none'"], ["'self'"])
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    for source in policy.get("script-src", []):
        assert source == "'self'" or re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source)


def test_every_linked_page_has_the_security_headers(gateway: TestClient) -> None:
    log_in(gateway, create_account())
    pages = walk(gateway)
    assert {path for path, page in pages.items() if page.status_code == 200} >= PAGES
    for response in pages.values():
        assert_headers_of_a_page(response)


def test_the_login_and_a_refused_form_have_the_security_headers(gateway: TestClient) -> None:
    assert_headers_of_a_page(gateway.get(LOGIN))
    refused = gateway.post(LOGIN)
    assert refused.status_code == 403
    assert_headers_of_a_page(refused)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("path", ["/api/users", "/api/users/0", "/nothing", "/a/../b"])
def test_every_response_has_nosniff(gateway: TestClient, framework: str, path: str) -> None:
    response = gateway.get(f"/{framework}{path}")
    assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]


def asked(scheme: str, env: str, app: Any = None, path: str = "/shop/") -> httpx.Headers:
    """Return the response headers of a custom application, or of another path."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await HTMLResponse("page")(scope, receive, send)

    gateway = compose({"/shop": lambda: app or page}, env=env)
    return TestClient(gateway, f"{scheme}://127.0.0.1").get(path).headers


@pytest.mark.parametrize(
    ("scheme", "env", "age"),
    [
        ("https", "production", f"max-age={HSTS_SECONDS}"),
        ("https", "development", None),
        # Browsers must ignore it over plain HTTP (RFC 6797, 8.1).
        ("http", "production", None),
    ],
)
def test_production_sends_hsts_over_https(scheme: str, env: str, age: str | None) -> None:
    assert asked(scheme, env).get("Strict-Transport-Security") == age


@pytest.mark.parametrize(("scheme", "policy"), [("https", "same-origin"), ("http", None)])
def test_pages_are_isolated_from_windows_of_other_sites(scheme: str, policy: str | None) -> None:
    headers = asked(scheme, "production", path="/")
    assert headers["Content-Type"].startswith("text/html")
    assert headers.get("Cross-Origin-Opener-Policy") == policy


def test_an_application_can_override_the_security_headers() -> None:
    own = {"X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "no-referrer"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await HTMLResponse("page", headers=own)(scope, receive, send)

    headers = asked("https", "production", app)
    assert {name: headers.get_list(name) for name in own} == {k: [v] for k, v in own.items()}


def test_an_applications_header_iterator_is_read_once() -> None:
    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            headers = (header for header in [(b"content-type", b"text/html"), (b"x-own", b"1")])
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body"})

    with TestClient(create_app(applications={"/app": app}), "http://127.0.0.1") as client:
        headers = client.get("/app").headers
    assert headers["X-Own"] == "1"
    assert headers["Referrer-Policy"] == "same-origin"
