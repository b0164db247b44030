"""The guide's tour (docs/hybrid.md), step by step, in a real Chromium."""

import re
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import Record, make_account
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

PASSWORD = "a long password for the tests"


@pytest.fixture
def page(browser: Browser, database: SQLite | PostgreSQL) -> Iterator[Page]:
    """A browser window on what ``make run`` serves."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--with", "python manage.py worker", "--port", port)
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "1"}  # the Live page keeps its stream open
    with serve(*command, origin=origin, path="/flask/api/hello", env=env):
        context = browser.new_context(base_url=origin)
        record = Record(context)
        yield context.new_page()
        context.close()
        assert record.complaints == []


def test_the_guides_tour_works(page: Page) -> None:
    name = make_account(PASSWORD)
    live = page.context.new_page()
    live.goto("/live")
    expect(live.get_by_role("status")).to_have_text("Listening.")
    rows = live.locator("#events tr")
    for count, framework in enumerate(("Flask", "FastAPI", "Django"), 1):
        live.get_by_role("button", name=f"Create in {framework}", exact=True).click()
        expect(rows).to_have_count(count)
        expect(rows.first.locator("[data-label=by]")).to_have_text(framework.lower())

    page.goto("/routes")
    page.get_by_role("link", name="Admin", exact=True).click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto("/django/admin/django_app/user/1/change/")
    page.get_by_label("Name").fill("Alicia")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(rows.first).to_contain_text("Alicia <alice@example.com>changeddjango")

    page.goto("/flask/api/me")
    expect(page.locator("body")).to_contain_text(f'{{"name":"{name}"}}')

    page.goto("/django/admin/django_app/user/")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option(label="Export all users to a file (CSV)")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("The export is queued")).to_be_visible()
    page.goto("/django/admin/django_app/export/")
    result = page.locator("#result_list .field-result")
    for _ in range(60):
        if ".csv" in result.inner_text():
            break
        page.wait_for_timeout(250)  # pause between two checks
        page.reload()
    expect(result).to_contain_text(".csv")

    page.goto("/django/")
    expect(page.locator("#total")).to_have_text("5")
    expect(page.locator("#latest tbody tr").first).to_contain_text("Alicia <alice@example.com>")
    expect(page.locator("#frameworks")).to_contain_text("flask")
    expect(page.locator("rect.bar")).to_have_count(30)

    page.goto("/django/admin/django_app/apitoken/add/")
    page.get_by_label("Owner").select_option(label=name)
    page.get_by_label("Name").fill("phone")
    page.get_by_role("button", name="Save", exact=True).click()
    token = page.locator("#token").inner_text()
    origin = re.sub("(http://[^/]+).*", r"\1", page.url)
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{origin}/fastapi/api/me", headers=headers).json() == {"name": name}
