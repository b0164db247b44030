"""The Live page in a real Chromium."""

import re

import httpx2 as httpx
from playwright.sync_api import Page, Route, expect

from tests.browsers import manage
from tests.compare.applications import MARKUP


def test_the_live_page_shows_changes_as_they_happen(window: Page, port: int) -> None:
    window.goto("/live")
    expect(window.get_by_role("status")).to_have_text("Listening.")
    expect(window.get_by_text("No change yet.")).to_be_visible()
    rows = window.locator("#events tr")
    window.get_by_label("Name of a user to create").fill(MARKUP)
    for place, name in enumerate(("Flask", "FastAPI", "Django"), 1):
        window.get_by_role("button", name=f"Create in {name}", exact=True).click()
        expect(rows).to_have_count(place)
        expect(rows.first.get_by_role("rowheader")).to_contain_text(f"{MARKUP} <live.")
        expect(rows.first).to_contain_text(f"created{name.lower()}")
        # With its day: the history may be older than today.
        expect(rows.first.locator("[data-label=at]")).to_contain_text(re.compile(r"\d+/\d+/\d{4}"))
    httpx.delete(f"http://127.0.0.1:{port}/django/api/users/1").raise_for_status()
    expect(rows.first).to_contain_text("Alice <alice@example.com>deleteddjango")
    ids = [int(text) for text in window.locator("#events td:last-child").all_inner_texts()]
    assert ids == sorted(ids, reverse=True)
    # The address keeps the place: the page shows the same events after a reload.
    window.reload()
    expect(rows).to_have_count(4)


def test_older_events_are_on_further_pages(window: Page, port: int) -> None:
    window.goto("/live")
    expect(window.get_by_role("status")).to_have_text("Listening.")
    for number in range(30):
        user = {"name": f"User {number}", "email": f"u{number}@example.com"}
        httpx.post(f"http://127.0.0.1:{port}/flask/api/users", json=user).raise_for_status()
    expect(window.locator("#place")).to_have_text("Page 1 of 2")
    expect(window.locator("#events tr").first).to_contain_text("User 29 ")
    window.get_by_role("button", name="Older").click()
    expect(window.locator("#events tr")).to_have_count(5)
    expect(window.locator("#events tr").last).to_contain_text("User 0 ")
    window.get_by_role("button", name="Newer").click()
    expect(window.locator("#events tr").first).to_contain_text("User 29 ")


def test_a_refusal_is_shown_on_the_page(troubled: Page) -> None:
    troubled.goto("/live")
    expect(troubled.get_by_role("status")).to_have_text("Listening.")
    troubled.evaluate("document.querySelector('#name').value = ''")
    troubled.evaluate("document.querySelector('#make').noValidate = true")
    troubled.get_by_role("button", name="Create in Flask", exact=True).click()
    expect(troubled.get_by_role("alert")).to_contain_text("some values are not valid")


def test_the_live_page_connects_again_where_the_browser_gives_up(troubled: Page) -> None:
    first = iter([True])

    def answer(route: Route) -> None:
        if next(first, False):
            return route.fulfill(status=503)
        route.continue_()

    troubled.route("**/users/events*", answer)
    troubled.goto("/live")
    expect(troubled.get_by_role("status")).to_contain_text("Not connected; trying again")
    expect(troubled.get_by_role("status")).to_have_text("Listening.", timeout=15_000)


def test_the_live_page_starts_again_when_the_database_was_restored(window: Page, port: int) -> None:
    window.goto("/live")
    expect(window.get_by_role("status")).to_have_text("Listening.")
    rows = window.locator("#events tr")
    window.get_by_role("button", name="Create in Flask", exact=True).click()
    expect(rows).to_have_count(1)
    undo_newest_event()
    expect(rows).to_have_count(0)
    expect(window.get_by_role("status")).to_contain_text("restored or emptied")
    window.get_by_role("button", name="Create in Flask", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(re.compile("created"))


def undo_newest_event() -> None:
    """Take the newest event out of the table, as a restore of a backup does."""
    newest = "UserEvent.objects.order_by('-id')[:1].get()"
    manage("shell", "--command", f"from django_app.models import *; {newest}.delete()")
