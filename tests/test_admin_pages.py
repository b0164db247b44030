"""The dashboard and the admin in a browser: narrow and wide, light and dark, long and empty."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browsers import make_account, manage
from tests.databases import PostgreSQL, SQLite
from tests.sampling import every

PASSWORD = "a long password for the tests"
LONG = "W" * 100  # a name without a space, of the widest letter
PAGES = {
    "dashboard": "/django/",
    "index": "/django/admin/",
    "list": "/django/admin/django_app/user/",
    "events": "/django/admin/django_app/userevent/",
    "form": "/django/admin/django_app/user/1/change/",
    "history": "/django/admin/django_app/user/1/history/",
    "delete": "/django/admin/django_app/user/1/delete/",
    "accounts": "/django/admin/auth/user/",
    "login": "/django/admin/login/",
}
# Django's search field has an image with an empty text as its label.
UPSTREAM = {"label-title-only"}
LOOKS = [(width, scheme) for width in (360, 768, 1600) for scheme in ("light", "dark")]


@pytest.fixture
def admin(
    browser: Browser, port: int, database: SQLite | PostgreSQL, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A window of the parameter's width and theme, logged in."""
    width, scheme = getattr(request, "param", (360, "light"))
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{port}",
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two allowed values
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    page.goto("/django/admin/")
    page.get_by_label("Username").fill(make_account(PASSWORD))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    yield page
    context.close()


@pytest.mark.parametrize("admin", every(6, [(look,) for look in LOOKS]), indirect=True)
def test_each_page_fits_the_screen_and_is_accessible(admin: Page, port: int) -> None:
    user = {"name": LONG, "email": f"{'w' * 60}@{'w' * 60}.example"}
    renamed = httpx.put(f"http://127.0.0.1:{port}/flask/api/users/1", json=user)
    assert renamed.status_code == 200
    faults = []
    for name, path in PAGES.items():
        admin.goto(path)
        if (wide := admin.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            faults.append(f"{name}: {wide} pixels too wide")
        faults += [
            f"{name}: {violation['id']}: {node['html']}"
            for violation in Axe().run(admin).response["violations"]
            if violation["id"] not in UPSTREAM
            for node in violation["nodes"]
        ]
    assert faults == []


@pytest.mark.parametrize("admin", every(2, [((360, "light"),), ((1600, "light"),)]), indirect=True)
def test_the_chart_has_numbers_that_keep_their_size(admin: Page) -> None:
    admin.goto("/django/")
    chart = admin.locator(".chart")
    expect(chart.locator(".count.busiest").last).to_have_text("2")
    expect(chart.get_by_text("today")).to_be_visible()
    assert chart.locator(".busiest").last.evaluate("text => text.getBBox().height") > 10
    inside = chart.evaluate(
        """chart => [...chart.querySelectorAll("text")].every(text => {
            const [own, all] = [text.getBoundingClientRect(), chart.getBoundingClientRect()];
            return !own.width || own.left >= all.left && own.right <= all.right + 1;
        })"""
    )
    assert inside
    admin.get_by_text("The same as a table").click()
    expect(admin.locator("#days tbody tr")).to_have_count(30)


def test_the_latest_events_are_cards_on_a_phone(admin: Page) -> None:
    admin.goto("/django/")
    first = admin.get_by_role("table").last.get_by_role("row").last.get_by_role("cell")
    assert len({cell.bounding_box()["x"] for cell in first.all()}) == 1  # type: ignore[index]
    label = first.first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"When"'


def test_the_empty_dashboard_says_so(admin: Page) -> None:
    empty = (
        "from django_app.models import *; User.objects.all().delete();"
        "[model.objects.all().delete() for model in (UserEvent, DayStatistic, FrameworkCount)];"
        "Watermark.objects.update(event_id=0)"
    )
    manage("shell", "--command", empty)
    admin.goto("/django/")
    expect(admin.locator("#total")).to_have_text("0")
    expect(admin.locator(".empty")).to_have_count(3)
    expect(admin.locator("#dashboard table, .chart")).to_have_count(0)


def test_accounts_and_api_users_have_names_of_their_own(admin: Page) -> None:
    admin.goto("/django/admin/")
    expect(admin.locator(".app-auth caption")).to_have_text("Accounts")
    expect(admin.locator(".app-auth .model-user th")).to_have_text("Accounts")
    expect(admin.locator(".app-django_app .model-user th")).to_have_text("API users")
    admin.goto("/django/admin/auth/user/")
    expect(admin.get_by_role("heading", name="Select account to change")).to_be_visible()
    admin.goto("/django/admin/auth/group/add/")
    choices = admin.locator("#id_permissions_from option")
    expect(choices.filter(has_text="| API user |").first).to_be_attached()
    expect(choices.filter(has_text="Accounts | account |").first).to_be_attached()
