"""A Dash object: its page, its assets and a callback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.applications.comparing import assert_alike, replacing
from tests.applications.environment import Addresses, both, on_gunicorn

pytestmark = pytest.mark.slow

DASH = on_gunicorn("/dash", "dash_page:app")
CLEAN = replacing(r'"end_id":"[^"]*"')


@pytest.fixture(scope="module")
def dash(data: Path) -> Iterator[Addresses]:
    with both(DASH, data) as addresses:
        yield addresses


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/_dash-dependencies", "/_favicon.ico"])
def test_a_get(dash: Addresses, path: str) -> None:
    assert assert_alike(dash, "GET", path, clean=CLEAN).status_code == 200


def test_a_callback(dash: Addresses) -> None:
    body = {
        "output": "greeting.children",
        "outputs": {"id": "greeting", "property": "children"},
        "inputs": [{"id": "name", "property": "value", "value": "Bob"}],
        "changedPropIds": ["name.value"],
    }
    answer = assert_alike(dash, "POST", "/_dash-update-component", json=body)
    assert answer.json()["response"]["greeting"]["children"] == "Hello Bob"


def test_a_browser_types_a_name(dash: Addresses, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{dash.gateway}/")
    expect(page.locator("#greeting")).to_have_text("Hello Ann")
    page.fill("#name", "Bob")
    expect(page.locator("#greeting")).to_have_text("Hello Bob")
    page.close()
