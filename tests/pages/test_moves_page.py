"""The Moves page in a real Chromium, for a gateway whose new application answers wrongly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from framework_gateway import Config, Gateway, Move
from tests.browsers import recorded_window
from tests.compare import applications
from tests.databases import free_port
from tests.migrate.test_commands import FILE, WRONG
from tests.migrate.test_file import OLD, ROUTE
from tests.servers import serve
from tests.wsgi.server import wait_until

WIDTHS = (360, 1600)


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """A gateway that serves a move."""
    (tmp_path / "old.py").write_text(OLD)
    (tmp_path / "new.py").write_text(WRONG)
    (tmp_path / "gateway.toml").write_text(FILE)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    path = "/api/items/1"
    with serve("gateway", "serve", "--port", port, origin=origin, path=path, cwd=tmp_path):
        yield origin


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    """A window on the page."""
    with recorded_window(browser, origin) as (page, _):
        yield page


def ask(origin: str, times: int) -> None:
    """Send requests whose answers differ."""
    for number in range(1, times + 1):
        assert httpx.get(f"{origin}/api/items/{number}").status_code == 200


def test_the_evidence_appears_while_the_page_is_open(page: Page, origin: str) -> None:
    page.goto("/moves")
    expect(page.get_by_role("link", name="Moves")).to_have_attribute("aria-current", "page")
    ask(origin, 8)
    row = page.get_by_role("row", name=ROUTE)
    expect(row).to_contain_text("not ready", timeout=20_000)
    expect(row).to_contain_text("compared differ")
    expect(row).to_contain_text("shadow")
    page.get_by_text(f"Differences of {ROUTE}").click()
    expect(page.get_by_text("body /number").first).to_be_visible()
    # A value of a body is a secret until the file says otherwise.
    expect(page.locator(".move pre").first).to_contain_text("***")
    # The details stay open although the page looks again.
    ask(origin, 1)
    expect(row.locator("[data-label=requests]")).to_have_text("10", timeout=20_000)
    expect(page.locator(".move pre").first).to_be_visible()


def test_a_person_changes_a_rule_and_the_gateway_follows(page: Page, origin: str) -> None:
    page.goto("/moves")
    page.get_by_label("Route", exact=True).fill("/items/{number}")
    page.get_by_label("Methods").select_option("reads")
    page.get_by_label("Stage").select_option("complete")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Changed, for all workers and gateways.")
    expect(page.locator(".live li").first).to_contain_text("reads /items/{number}: complete")
    assert httpx.get(f"{origin}/api/items/1").json() == {"number": -1}
    page.get_by_text("History").click()
    expect(page.locator(".move ol li").first).to_contain_text("reads /items/{number}: complete")
    page.get_by_role("button", name="Remove reads /items/{number}").click()
    expect(page.locator(".live li").first).to_contain_text("the old application answers everything")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible_and_fits_the_screen(
    browser: Browser, origin: str, width: int
) -> None:
    ask(origin, 3)
    context = browser.new_context(base_url=origin, viewport={"width": width, "height": 900})
    window = context.new_page()
    window.goto("/moves")
    violations: list[dict[str, Any]] = Axe().run(window).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"move": "/other", "action": "set", "rule": {}}, 400),
        ({"move": "/api", "action": "explode"}, 400),
        ({"move": "/api", "action": "set", "rule": {"stage": "x"}}, 400),
        ({"move": "/api", "action": "set", "rule": {"percent": 101}}, 400),
        ({"move": "/api"}, 400),
        ({"move": "/api", "action": "release", "name": "GET /x"}, 200),
    ],
)
def test_changes_are_checked(origin: str, change: dict[str, Any], status: int) -> None:
    response = httpx.post(f"{origin}/moves", json=change)
    assert response.status_code == status
    if status == 200:
        assert response.json()["move"] == "/api"


def test_another_site_cannot_change_a_move(origin: str) -> None:
    change = {"move": "/api", "action": "set", "rule": {"stage": "complete"}}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = httpx.post(f"{origin}/moves", json=change, headers=headers)
        assert response.status_code == 403
    assert httpx.get(f"{origin}/api/items/1").json() == {"number": 1, "side": "same"}


def test_the_data_and_the_report_say_the_same(origin: str) -> None:
    ask(origin, 2)
    (move,) = httpx.get(f"{origin}/moves.json").json()["moves"]
    assert move["move"] == "/api"
    assert [rule["stage"] for rule in move["rules"]] == ["shadow"]
    assert "### Move of" in httpx.get(f"{origin}/moves/report").text


def test_in_production_moves_are_closed_without_accounts(tmp_path: Path) -> None:
    config = Config(
        allowed_hosts=["127.0.0.1"], env="production", moves_store=str(tmp_path / "moves.sqlite3")
    )
    move = Move("/api", old=applications.main, new=applications.changed)
    client = TestClient(Gateway(config=config, moves=[move]), "http://127.0.0.1")
    for path in ("/moves", "/moves.json", "/moves/report"):
        assert client.get(path).status_code == 403
    change = {"move": "/api", "action": "set", "rule": {"stage": "complete"}}
    assert client.post("/moves", json=change).status_code == 403


def test_details_are_named_after_their_routes(origin: str) -> None:
    """A number would name other details when a further route differs."""
    ask(origin, 3)
    wait_until(lambda: f'data-of="{ROUTE}"' in httpx.get(f"{origin}/moves").text, 20)


def test_a_gateway_without_moves_has_no_page() -> None:
    client = TestClient(Gateway({"/one": applications.main}), "http://127.0.0.1")
    assert client.get("/moves").status_code == 404
    assert "/moves" not in client.get("/").text
