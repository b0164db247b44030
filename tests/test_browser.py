"""Swagger UI, ReDoc and the admin in a real browser, without internet access."""

import re
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browsers import make_account, manage
from tests.conftest import FRAMEWORKS
from tests.sampling import every

PASSWORD = "a long password for the tests"


@pytest.fixture
def docs(window: Page) -> Page:
    """A page with Swagger UI."""
    window.goto("/fastapi/docs")
    expect(window.get_by_role("heading", name="Users API")).to_be_visible()
    return window


def execute(docs: Page, operation: str, prefix: str) -> tuple[Request, Locator]:
    """Run an operation; return the request and the response that Swagger UI shows."""
    docs.locator("#servers").select_option(prefix)
    block = docs.locator(f"#operations-users-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    with docs.expect_request("**/api/users*") as sent:
        block.get_by_role("button", name="Execute").click()
    return sent.value, block.locator(".live-responses-table tbody")


def test_swagger_ui_offers_the_three_servers(docs: Page) -> None:
    servers = docs.locator("#servers").get_by_role("option")
    expect(servers).to_have_text(["/fastapi", "/flask", "/django"])


@pytest.mark.parametrize("framework", every(3, FRAMEWORKS))
def test_swagger_ui_lists_the_users_of_each_server(docs: Page, framework: str) -> None:
    request, answer = execute(docs, "list_users", f"/{framework}")
    assert request.method == "GET"
    assert urlsplit(request.url).path == f"/{framework}/api/users"
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer.locator(".response-col_description")).to_contain_text('"name": "Alice"')


def test_swagger_uis_example_creates_a_user(docs: Page, port: int) -> None:
    request, answer = execute(docs, "create_user", "/flask")
    assert request.method == "POST"
    assert urlsplit(request.url).path == "/flask/api/users"
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    expect(answer.locator(".response-col_description")).to_contain_text('"id": 3')
    created = httpx.get(f"http://127.0.0.1:{port}/flask/api/users/3").json()
    assert created == {"id": 3, "name": "Carol", "email": "carol@example.com"}


def test_swagger_ui_sends_a_token_to_each_server(docs: Page) -> None:
    key = f"gw_{'a' * 32}"
    create = (
        "from django_app.models import *; from django.contrib.auth import get_user_model;"
        f"owner = get_user_model().objects.create_user('keeper-of-tokens');"
        f"ApiToken.objects.create(owner=owner, name='test', digest=digest_of('{key}'))"
    )
    manage("shell", "--command", create)
    docs.get_by_role("button", name="Authorize").click()
    docs.locator(".auth-container input").fill(key)
    docs.get_by_role("button", name="Apply credentials").click()
    docs.get_by_role("button", name="Close").click()
    block = docs.locator("#operations-me-me")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    for framework in FRAMEWORKS:
        docs.locator("#servers").select_option(f"/{framework}")
        with docs.expect_request(f"**/{framework}/api/me") as sent:
            block.get_by_role("button", name="Execute").click()
        assert sent.value.headers["authorization"] == f"Bearer {key}"
        answer = block.locator(".live-responses-table tbody")
        expect(answer.locator(".response-col_status")).to_contain_text("200")
        expect(answer.locator(".response-col_description")).to_contain_text('"name": "keeper-')


def test_swagger_ui_says_what_only_fastapi_has(docs: Page) -> None:
    section = docs.locator(".opblock-tag-section").filter(has_text="Only FastAPI")
    expect(section.locator(".opblock")).to_have_count(5)
    expect(section).to_contain_text("WebSocket, which OpenAPI cannot describe")


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_the_documentation_follows_the_theme_and_fits_a_phone(window: Page, page: str) -> None:
    window.set_viewport_size({"width": 360, "height": 800})
    window.emulate_media(color_scheme="dark")
    window.goto(f"/fastapi/{page}")
    expect(window.get_by_role("heading", name="Users API")).to_be_visible()
    expect(window.locator("body")).to_have_css("background-color", "rgb(28, 32, 34)")
    heading = window.get_by_role("heading", name="Users API")
    assert brightness(heading) > 180
    assert window.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    window.emulate_media(color_scheme="light")
    expect(window.locator("body")).not_to_have_css("background-color", "rgb(28, 32, 34)")
    expect(window.get_by_role("heading", name="Users API")).to_have_css(
        "color", re.compile(r"rgb\(([0-9]|[1-9][0-9])\b")
    )


def brightness(element: Locator) -> int:
    """Return the red part of the colour of a text."""
    colour = element.evaluate("element => getComputedStyle(element).color")
    return int(re.findall(r"\d+", colour)[0])


def test_redoc_shows_every_operation(window: Page) -> None:
    window.goto("/fastapi/redoc")
    expect(window.get_by_role("heading", name="Users API")).to_be_visible()
    for summary in ("List users", "Create a user", "Replace a user", "Say hello"):
        expect(window.get_by_role("heading", name=summary)).to_be_visible()
    # Its logo is on another host, which is never asked; see the fixture of the window.
    expect(window.get_by_role("img", name="redocly logo")).to_have_count(0)
    window.wait_for_load_state("networkidle")


@pytest.fixture
def admin(window: Page, port: int) -> Page:
    """The admin's list of users, after a login in the browser."""
    name = make_account(PASSWORD)
    # Django's Cross-Origin-Opener-Policy needs a trustworthy origin, or else Chromium complains.
    window.goto(f"http://127.0.0.1:{port}/django/admin")
    window.get_by_label("Username").fill(name)
    window.get_by_label("Password").fill(PASSWORD)
    window.get_by_role("button", name="Log in").click()
    window.locator(".app-django_app .model-user th a").click()
    expect(window.get_by_role("heading", name="Select API user to change")).to_be_visible()
    return window


def add(admin: Page, name: str, email: str) -> None:
    """Fill in and send the form for a new user."""
    admin.get_by_role("link", name="Add API user").click()
    # The page's script focuses this field, and would take the focus from another one.
    expect(admin.get_by_label("Name")).to_be_focused()
    admin.get_by_label("Name").fill(name)
    admin.get_by_label("Email").fill(email)
    admin.get_by_role("button", name="Save", exact=True).click()


def test_the_admin_has_its_styles(admin: Page) -> None:
    expect(admin.locator("#header")).to_have_css("background-color", "rgb(65, 118, 144)")
    expect(admin.locator("#changelist-filter")).to_contain_text("By created at")


def test_the_admin_finds_a_user(admin: Page) -> None:
    rows = admin.locator("#result_list tbody tr")
    expect(rows).to_have_count(2)
    admin.locator("#searchbar").fill("alice")
    admin.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("alice@example.com")


def test_the_admin_keeps_the_rules_of_the_api(admin: Page) -> None:
    add(admin, "Carol", "Carol@EXAMPLE.com")
    expect(admin.get_by_text("was added successfully")).to_be_visible()
    expect(admin.locator("#result_list")).to_contain_text("carol@example.com")
    add(admin, "Carol again", "CAROL@example.com")
    expect(admin.locator(".field-email .errorlist")).to_have_text(
        "API user with this Email already exists."
    )
