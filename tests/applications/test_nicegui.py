"""A NiceGUI page: its assets, and its state on the server over a WebSocket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.applications.comparing import both_answers
from tests.applications.environment import Addresses, both, on_uvicorn

pytestmark = pytest.mark.slow

NICEGUI = on_uvicorn("/ui", "nicegui_page:app")


@pytest.fixture(scope="module")
def nicegui(data: Path) -> Iterator[Addresses]:
    with both(NICEGUI, data) as addresses:
        yield addresses


def test_a_browser_clicks(nicegui: Addresses, browser: Browser) -> None:
    page = browser.new_page()
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{nicegui.gateway}/")
    expect(page.get_by_text("0 clicks")).to_be_visible()
    for clicks in (1, 2):
        page.get_by_role("button", name="Click").click()
        expect(page.get_by_text(f"{clicks} clicks")).to_be_visible()
    assert failed == []
    page.close()


def test_a_page_asks_for_assets_below_the_prefix(nicegui: Addresses) -> None:
    mount, usual = both_answers(nicegui, "GET", "/")
    assert mount.status_code == usual.status_code == 200
    assert b'"/ui/_nicegui/' in mount.content
    assert mount.content.count(b"/ui/_nicegui/") == usual.content.count(b"/ui/_nicegui/")
