"""Security headers: which responses get them, and which pages the gateway leaves as they are."""

from typing import Any

import pytest
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient

from framework_gateway.security.headers import PAGE_HEADERS, SecurityHeaders
from tests.gateways import compose

PAGE = {b"content-type": b"text/html; charset=utf-8"}
# Headers that break a page which others embed, or which logs in by a pop-up window.
BREAKING = {"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"}
HARMLESS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def page_of(wants_page_headers: bool | None, **own: str) -> Any:
    """Return an application whose mount has set the option, or None for the gateway's own page."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        scope.pop(PAGE_HEADERS, None)
        if wants_page_headers is not None:
            scope[PAGE_HEADERS] = wants_page_headers
        headers = {name.replace("_", "-"): value for name, value in own.items()}
        await HTMLResponse("page", headers=headers)(scope, receive, send)

    return page


def headers_of(app: Any) -> dict[str, str]:
    """Return the response headers of an application in production, over HTTPS."""
    gateway = compose({"/shop": lambda: app}, env="production")
    return dict(TestClient(gateway, "https://127.0.0.1").get("/shop/").headers)


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("wants_page_headers", [True, None])
def test_the_gateways_own_pages_and_mounts_that_ask_get_all_headers(
    wants_page_headers: bool | None,
) -> None:
    headers = headers_of(page_of(wants_page_headers))
    assert headers.items() >= lower(BREAKING | HARMLESS).items()
    assert "strict-transport-security" in headers


def test_other_mounts_get_no_header_that_could_break_a_page() -> None:
    headers = headers_of(page_of(False))
    assert not lower(BREAKING).keys() & headers.keys()
    assert headers.items() >= lower(HARMLESS).items()
    assert "strict-transport-security" in headers


@pytest.mark.parametrize("wants_page_headers", [True, False])
def test_an_applications_own_headers_win(wants_page_headers: bool) -> None:
    own = {"x-frame-options": "SAMEORIGIN", "cross-origin-opener-policy": "unsafe-none"}
    headers = headers_of(page_of(wants_page_headers, **own))
    assert headers.items() >= own.items()


def test_only_pages_get_the_headers_of_pages() -> None:
    security = SecurityHeaders(hsts=60)
    always = [b"x-content-type-options", b"strict-transport-security"]
    for page_headers in (True, False):
        missing = security.missing({b"content-type": b"text/css"}, "https", page_headers)
        assert [name for name, _ in missing] == always


def test_the_headers_of_a_page_are_added_by_default() -> None:
    security = SecurityHeaders()
    assert (b"x-frame-options", b"DENY") in security.missing(PAGE, "http")
    assert (b"x-frame-options", b"DENY") not in security.missing(PAGE, "http", False)
