"""The gateway's errors: pages for browsers, problem details for programs."""

import re

import pytest
from starlette.testclient import TestClient

from framework_gateway import Gateway
from tests.compare import applications

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(params=["", "/outer"])
def client(request: pytest.FixtureRequest) -> TestClient:
    """A gateway at the root, and behind a proxy's prefix."""
    app = Gateway({"/one": applications.main, "/gone": "no_such_module:app"})
    base = f"http://127.0.0.1{request.param}"
    return TestClient(app, base, root_path=request.param, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("TEXT/HTML", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("text/html;q=0, */*", False),
        ("text/html, application/problem+json", False),
        ("text/html;q=0.5", True),
    ],
)
def test_browsers_get_a_page(client: TestClient, accept: str, is_page: bool) -> None:
    response = client.get("/nothing", headers={"Accept": accept})
    assert response.status_code == 404
    kind = response.headers["content-type"]
    assert kind == ("text/html; charset=utf-8" if is_page else "application/problem+json")
    if is_page:
        assert response.headers["vary"] == "Accept"
        assert "/one/" in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_page_says_what_failed_and_keeps_the_headers(client: TestClient) -> None:
    response = client.get("/gone/", headers={"Accept": BROWSER})
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.headers["x-request-id"] in response.text
    response = client.post("/code", headers={"Accept": BROWSER})
    assert response.status_code == 405
    assert response.headers["allow"]


def test_answers_of_applications_stay_as_they_are(client: TestClient) -> None:
    response = client.get("/one/nothing", headers={"Accept": BROWSER})
    assert (response.status_code, response.text) == (404, "not found")


def test_with_an_application_at_the_root_a_page_needs_nothing_of_it() -> None:
    app = Gateway({"/": "no_such_module:app", "/one": applications.main})
    client = TestClient(app, "http://127.0.0.1", raise_server_exceptions=False)
    response = client.get("/anything", headers={"Accept": BROWSER})
    assert response.status_code == 503
    # The pages have no place here, so the page does not link to them.
    assert "<nav" not in response.text
    assert "/routes" not in response.text
    assert 'href="//' not in response.text
    (style,) = re.findall('href="(/static/[^"]*style.css)"', response.text)
    for address in (style, style.replace("style.css", "icon.svg")):
        assert client.get(address).status_code == 200
    # All else below is the application's.
    assert client.get(style.replace("style.css", "dom.js")).status_code == 503
