"""The Django admin below its prefix: its styles, its login, and the list of users."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from tests.accounts import CSRF, make_account
from tests.conftest import assert_problem

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LOGIN = "/django/admin/login/"
USERS = "/django/admin/django_app/user/"
NAME, PASSWORD = "keeper", "a long password for the tests"
MEDIA_TYPES = {"link": "text/css", "script": "text/javascript"}


class Page(HTMLParser):
    """What a page refers to, and the texts of its links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.assets: list[tuple[str, str]] = []
        self.links: dict[str, str] = {}
        self.href: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "link" and found["rel"] == "stylesheet":
            self.assets.append((tag, found["href"] or ""))
        elif tag == "script" and found.get("src"):
            self.assets.append((tag, found["src"] or ""))
        elif tag == "a":
            self.href = found.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.href = None

    def handle_data(self, data: str) -> None:
        if self.href is not None and data.strip():
            self.links[data.strip()] = self.href


def read(client: TestClient, path: str) -> Page:
    """Return a page that must be there."""
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(response.text)


def assert_assets(client: TestClient, page: Page, prefix: str) -> None:
    """Check that the page's styles and scripts are served below the prefix."""
    assert {tag for tag, _ in page.assets} == {"link", "script"}
    for tag, url in page.assets:
        assert url.startswith(prefix)
        response = client.get(url)
        assert response.status_code == 200
        assert response.headers["Content-Type"].partition(";")[0] == MEDIA_TYPES[tag]
        assert response.content


def create_account(password: str | None = None) -> "User":
    """Create somebody who may enter; without a password, because hashing one takes its time."""
    from django.contrib.auth import get_user_model

    accounts = get_user_model().objects
    accounts.filter(username=NAME).delete()
    return accounts.create_superuser(NAME, password=password)


def log_in(client: TestClient, account: "User") -> None:
    """Log in by Django, without the form."""
    from django.test import Client

    session = Client()
    session.force_login(account)
    # As the server sets it, so that the server's own takes its place.
    domain = client.base_url.host
    client.cookies.set("sessionid", session.cookies["sessionid"].value, domain)


@pytest.fixture
def keeper(gateway: TestClient) -> TestClient:
    """The gateway, for somebody who is logged in to the admin."""
    log_in(gateway, create_account())
    return gateway


def listed(client: TestClient, path: str) -> list[str]:
    """Return the names in the list of users at a path."""
    links = read(client, path).links
    return sorted(
        text for text, href in links.items() if href.startswith(f"{USERS}") and "/change/" in href
    )


def test_the_login_page_has_its_styles(gateway: TestClient) -> None:
    assert_assets(gateway, read(gateway, LOGIN), "/django/static/")


def test_the_list_has_its_styles(keeper: TestClient) -> None:
    page = read(keeper, USERS)
    page.assets.remove(("script", "/django/admin/jsi18n/"))
    assert_assets(keeper, page, "/django/static/")


def test_the_styles_follow_a_prefix_outside_the_gateway(gateway: TestClient) -> None:
    from gateway import create_app

    with TestClient(create_app(), "http://127.0.0.1", root_path="/gw") as client:
        page = read(client, f"/gw{LOGIN}")
        assert_assets(client, page, "/gw/django/static/")
        assert page.links["Users administration"] == "/gw/django/admin/"
    # One prefix is not remembered for the next.
    assert_assets(gateway, read(gateway, LOGIN), "/django/static/")


def test_a_style_that_does_not_exist(gateway: TestClient) -> None:
    assert_problem(gateway.get("/django/static/admin/css/nothing.css"), 404)


def test_nobody_enters_without_a_login(gateway: TestClient) -> None:
    response = gateway.get(USERS)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{LOGIN}?next={USERS}"


def test_a_login_leads_to_the_page_that_was_asked_for(gateway: TestClient) -> None:
    create_account(PASSWORD)
    page = gateway.get(USERS).headers["Location"]
    gateway.get(page)
    form = {
        "username": NAME,
        "password": PASSWORD,
        "csrfmiddlewaretoken": gateway.cookies["csrftoken"],
        "next": USERS,
    }
    response = gateway.post(page, data=form)
    assert response.status_code == 302
    assert response.headers["Location"] == USERS
    assert listed(gateway, USERS) == ["Alice", "Bob"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_its_slash_the_address_leads_to_the_admin(gateway: TestClient, method: str) -> None:
    response = gateway.request(method, "/django/admin")
    assert response.status_code == 302
    assert response.headers["Location"] == "/django/admin/"


def test_a_wrong_password_is_refused(gateway: TestClient) -> None:
    gateway.get(LOGIN)
    token = gateway.cookies["csrftoken"]
    form = {"username": NAME, "password": "wrong", "csrfmiddlewaretoken": token}
    response = gateway.post(LOGIN, data=form)
    assert response.status_code == 200
    assert "Please enter the correct username and password" in response.text
    assert "sessionid" not in gateway.cookies


def test_a_form_from_elsewhere_is_refused(keeper: TestClient) -> None:
    form = {"name": "Mallory", "email": "mallory@example.com"}
    response = keeper.post(f"{USERS}add/", data=form)
    assert response.status_code == 403
    assert listed(keeper, USERS) == ["Alice", "Bob"]


def test_the_users_can_be_listed_searched_and_filtered() -> None:
    from django.contrib import admin

    from django_app.models import User

    users = admin.site.get_model_admin(User)
    assert users.list_display == ("name", "email", "created_at")
    assert users.search_fields == ("name", "email")
    assert users.list_filter == ("created_at",)


def test_the_list_shows_every_user(keeper: TestClient) -> None:
    assert listed(keeper, USERS) == ["Alice", "Bob"]


@pytest.mark.parametrize(
    ("search", "names"),
    [("alice", ["Alice"]), ("BOB@", ["Bob"]), ("example.com", ["Alice", "Bob"]), ("nobody", [])],
)
def test_the_list_is_searched_by_name_and_email(
    keeper: TestClient, search: str, names: list[str]
) -> None:
    assert listed(keeper, f"{USERS}?q={search}") == names


def test_the_list_is_filtered_by_the_date_of_creation(keeper: TestClient) -> None:
    from django_app.models import User

    old = datetime(2001, 2, 3, tzinfo=UTC)
    User.objects.filter(name="Bob").update(created_at=old)
    page = read(keeper, USERS)
    assert listed(keeper, USERS + page.links["Past 7 days"]) == ["Alice"]
    assert listed(keeper, USERS + page.links["Any date"]) == ["Alice", "Bob"]


def test_recent_actions_name_nothing_that_somebody_may_not_see(gateway: TestClient) -> None:
    from django.contrib.auth.models import Permission

    account = make_account("clerk", ["view_user", "change_user"])
    log_in(gateway, account)
    gateway.cookies.set("csrftoken", CSRF, gateway.base_url.host)
    form = {"name": "Alicia", "email": "alicia@example.com", "csrfmiddlewaretoken": CSRF}
    assert gateway.post(f"{USERS}1/change/", data=form).status_code == 302
    gateway.get("/django/admin/")  # shows the message once
    assert "alicia@example.com" in gateway.get("/django/admin/").text
    events = Permission.objects.get(codename="view_userevent")
    account.user_permissions.set([events])
    text = gateway.get("/django/admin/").text
    assert "User events" in text
    assert "alicia@example.com" not in text


def test_who_may_order_exports_sees_how_far_they_are(gateway: TestClient) -> None:
    from django_app.models import Export

    Export.objects.create(media_type="text/csv", file="made.csv")
    path = "/django/admin/django_app/export/"
    for permissions, status in (
        (["view_user"], 200),
        (["view_export"], 200),
        (["view_userevent"], 403),
    ):
        log_in(gateway, make_account("clerk", permissions))
        assert gateway.get(path).status_code == status
