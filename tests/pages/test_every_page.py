"""What holds for every page, in a real Chromium: accessibility, sizes, the keyboard, errors."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.sampling import pairs

PAGES = ("", "code?operation=POST+/api/users", "race", "routes", "claims", "live", "guide", "none")
LOOKS = [(360, "light"), (768, "dark"), (1600, "light"), (360, "dark"), (768, "light")]
LARGEST, MOST = 100_000, 10  # bytes and requests of a page


@pytest.mark.parametrize(("page", "look"), pairs(PAGES, [*LOOKS, (1600, "dark")]))
def test_every_page_is_accessible_and_fits_the_screen(
    browser: Browser, port: int, page: str, look: tuple[int, str]
) -> None:
    width, scheme = look
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{port}",
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two allowed values
        viewport={"width": width, "height": 900},
    )
    window = context.new_page()
    window.goto(f"/{page}")
    if page == "":
        expect(window.get_by_role("status")).to_contain_text("Identical")
    found = [
        f"{violation['id']}: {violation['nodes'][0]['html']}"
        for violation in Axe().run(window).response["violations"]
    ]
    assert found == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize("page", PAGES[:-1])
def test_every_page_is_small(browser: Browser, port: int, page: str) -> None:
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    window = context.new_page()
    window.goto(f"/{page}")
    if page == "":
        expect(window.get_by_role("status")).to_contain_text("Identical")
    entries = window.evaluate(
        "performance.getEntries().filter(one => one.transferSize !== undefined)"
        ".map(one => [one.name, one.transferSize])"
    )
    # What the page asks the applications is not the page's own.
    own = [size for name, size in entries if not re.search("/compare/|/api/", name)]
    assert len(own) > 2
    assert len(own) < MOST
    assert sum(own) < LARGEST
    context.close()


def test_assets_are_kept_by_browsers_and_compressed(browser: Browser, port: int) -> None:
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    window = context.new_page()
    with window.expect_response("**/style.css") as first:
        window.goto("/guide")
    assert first.value.headers["content-encoding"] == "gzip"
    assert "immutable" in first.value.headers["cache-control"]
    window.goto("/routes")
    entry = "performance.getEntriesByType('resource').find(one => one.name.endsWith('style.css'))"
    assert window.evaluate(f"{entry}.transferSize") == 0
    context.close()


def test_an_unknown_path_is_a_page_with_links(browser: Browser, port: int) -> None:
    window = browser.new_page(base_url=f"http://127.0.0.1:{port}")
    window.goto("/nothing")
    expect(window.get_by_role("heading", level=1)).to_have_text("Not Found")
    expect(window).to_have_title(re.compile("^404 Not Found · "))
    window.get_by_role("link", name="All routes").click()
    expect(window.get_by_role("heading", level=1)).to_have_text("All routes")
    window.close()


def test_the_keyboard_reaches_everything(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_contain_text("Identical")
    window.keyboard.press("Tab")
    expect(window.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(45):
        window.keyboard.press("Tab")
        reached.add(
            window.evaluate(
                "document.activeElement.id || document.activeElement.textContent.trim()"
            )
        )
    assert {"operation", "method", "path", "send", "tab-parameters", "History", "unfold"} <= reached
    assert "curl for Flask" in reached


def test_arrows_move_between_tabs(window: Page) -> None:
    window.goto("/")
    window.get_by_role("tab", name="Parameters").focus()
    window.keyboard.press("ArrowLeft")
    expect(window.get_by_role("tab", name="Options")).to_be_focused()
    expect(window.get_by_label("What to ignore")).to_be_visible()
    window.keyboard.press("ArrowRight")
    expect(window.get_by_role("tab", name="Parameters")).to_have_attribute("aria-selected", "true")
    window.keyboard.press("End")
    expect(window.get_by_role("tab", name="Options")).to_be_focused()
    window.keyboard.press("Home")
    expect(window.get_by_role("tab", name="Parameters")).to_be_focused()


def test_a_menu_closes_on_escape_and_on_a_click_elsewhere(window: Page) -> None:
    window.goto("/")
    history = window.locator("#history")
    summary = window.get_by_text("History", exact=True)
    summary.click()
    expect(history).to_have_attribute("open", "")
    window.keyboard.press("Escape")
    expect(history).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    summary.click()
    window.get_by_role("heading", level=1).click()
    expect(history).not_to_have_attribute("open", "")


def test_routes_can_be_searched(window: Page) -> None:
    window.goto("/routes")
    expect(window.locator("#found")).to_have_text(re.compile(r"^\d+ paths$"))
    window.get_by_label("Search paths and descriptions").fill("api users")
    window.get_by_label("Method", exact=True).select_option("DELETE")
    window.get_by_label("Application").select_option("/fastapi")
    expect(window.locator(".routes tbody tr:visible")).to_have_count(1)
    expect(window.locator("#found")).to_have_text("1 path")
    window.reload()
    expect(window.locator("#found")).to_have_text("1 path")
    window.get_by_role("link", name="Swagger UI for /fastapi/api/users/{user_id}").click()
    expect(window.get_by_role("heading", name="Users API")).to_be_visible()
    window.goto("/routes")
    window.get_by_label("Search paths and descriptions").fill("nothing like this")
    expect(window.get_by_text("No route matches.")).to_be_visible()


def test_claims_are_filtered_by_what_was_measured(window: Page) -> None:
    window.goto("/claims")
    window.get_by_label("Framework", exact=True).select_option("Quart")
    expect(window.locator("#found")).to_have_text("1 claim")
    expect(window.locator(".claim:visible")).to_contain_text("Quart")
    window.get_by_label("Framework", exact=True).select_option("")
    window.get_by_label("Workload", exact=True).select_option("wait")
    names = window.locator(".conditions tbody th:visible").all_inner_texts()
    assert names
    assert all(name.startswith("wait") for name in names)


def test_the_code_of_two_frameworks_is_compared(window: Page) -> None:
    window.goto("/code?operation=GET+/api/hello")
    expect(window).to_have_title(re.compile("^GET /api/hello · Code"))
    window.get_by_role("link", name="Flask and Django").click()
    difference = window.locator(".code[aria-label=Difference]")
    expect(difference).to_contain_text("--- flask_app/")
    expect(difference).to_contain_text("+++ django_app/")
    window.goto("/code?operation=GET+/api/users")
    window.get_by_text(re.compile("^Calls .* shared functions$")).first.click()
    expect(window.locator("details[open]").first).to_contain_text("contract/")
