"""The Django admin below its prefix: styles, login, and the list of users."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from starlette.testclient import TestClient

from tests.accounts import CSRF, make_account
from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LOGIN = "/django/admin/login/"
USERS = "/django/admin/django_app/user/"
NAME, PASSWORD = "keeper", "a long password for the tests"
MEDIA_TYPES = {"link": "text/css", "script": "text/javascript"}


class Page(HTMLParser):
    """The links and assets of a page, and the texts of its links."""

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
    """Return a page that must exist."""
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
    """Create a staff account; without a password, because hashing one takes time."""
    from django.contrib.auth import get_user_model

    accounts = get_user_model().objects
    accounts.filter(username=NAME).delete()
    return accounts.create_superuser(NAME, password=password)


def log_in(client: TestClient, account: "User") -> None:
    """Log in with Django, without the form."""
    from django.test import Client

    session = Client()
    session.force_login(account)
    # As the server sets it, so that the server's cookie replaces it.
    domain = client.base_url.host
    client.cookies.set("sessionid", session.cookies["sessionid"].value, domain)


@pytest.fixture
def keeper(gateway: TestClient) -> TestClient:
    """The gateway, with a client that is logged in to the admin."""
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


def test_the_styles_are_served_below_an_outer_prefix(gateway: TestClient) -> None:
    from gateway import create_app

    with TestClient(create_app(), "http://127.0.0.1", root_path="/gw") as client:
        page = read(client, f"/gw{LOGIN}")
        assert_assets(client, page, "/gw/django/static/")
        assert page.links["Users administration"] == "/gw/django/admin/"
    # The prefix of one request is not remembered for the next.
    assert_assets(gateway, read(gateway, LOGIN), "/django/static/")


def test_a_missing_style_is_not_found(gateway: TestClient) -> None:
    assert_problem(gateway.get("/django/static/admin/css/nothing.css"), 404)


def test_the_admin_needs_a_login(gateway: TestClient) -> None:
    response = gateway.get(USERS)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{LOGIN}?next={USERS}"


def test_a_login_redirects_to_the_requested_page(gateway: TestClient) -> None:
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
def test_the_path_without_its_slash_redirects_to_the_admin(
    gateway: TestClient, method: str
) -> None:
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


def test_a_form_from_another_site_is_refused(keeper: TestClient) -> None:
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


def test_a_search_has_at_most_ten_words(keeper: TestClient) -> None:
    assert listed(keeper, f"{USERS}?q={'+'.join(['alice'] * 10)}") == ["Alice"]
    assert_problem(keeper.get(f"{USERS}?q={'+'.join(['alice'] * 11)}"), 400)
    assert listed(keeper, f"{USERS}?q=%22{'+'.join(['alice'] * 11)}%22") == []


def test_the_list_is_filtered_by_the_date_of_creation(keeper: TestClient) -> None:
    from django_app.models import User

    old = datetime(2001, 2, 3, tzinfo=UTC)
    User.objects.filter(name="Bob").update(created_at=old)
    page = read(keeper, USERS)
    assert listed(keeper, USERS + page.links["Past 7 days"]) == ["Alice"]
    assert listed(keeper, USERS + page.links["Any date"]) == ["Alice", "Bob"]


EVENTS = "/django/admin/django_app/userevent/"


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("émile rós", ["Émile Rósa"]),
        ('"ile rós"', ["Émile Rósa"]),
        ('"rós émile"', []),
        ("RÓ e@", ["Émile Rósa"]),
        ("ÉM 'e@'", ["Émile Rósa"]),
        ("%", []),
        ('""', ["Alice", "Bob", "Émile Rósa"]),
    ],
)
def test_a_search_finds_the_users_that_have_each_word(
    keeper: TestClient, search: str, names: list[str]
) -> None:
    from django_app.models import User

    User.objects.create(name="Émile Rósa", email="e@example.org")
    assert listed(keeper, f"{USERS}?{urlencode({'q': search})}") == names


def test_a_search_that_finds_too_much_says_so(
    keeper: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import lists

    monkeypatch.setattr(lists, "FOUND", 1)
    text = keeper.get(f"{USERS}?q=example").text
    assert "More than 1 users were found; these are the first." in text
    assert listed(keeper, f"{USERS}?q=example") == ["Alice"]
    assert "were found" not in keeper.get(f"{USERS}?q=alice").text


@pytest.mark.parametrize("query", ["", "?q=example", "?o=-2", "?created_at__year=2026"])
@pytest.mark.parametrize("model", ["user", "userevent"])
def test_no_list_counts_or_searches_a_whole_table(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch, model: str, query: str
) -> None:
    from django.test import Client

    from django_app import lists

    monkeypatch.setattr(lists, "SHOWN", 1)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(create_account())
    # In this thread, where its queries are seen.
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/admin/django_app/{model}/{query}", follow=True)
    assert answer.status_code == 200
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 1) subquery" in sql for sql in counts)
    assert not any('"users"."name" LIKE' in query["sql"] for query in queries)


def test_the_list_of_events_shows_and_searches_the_newest(
    keeper: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import lists
    from django_app.models import User

    monkeypatch.setattr(lists, "WINDOW", 2)
    User.objects.create(name="Carol", email="carol@example.org")
    text = keeper.get(EVENTS).text
    assert "carol@" in text
    assert "bob@" in text
    assert "alice@" not in text
    assert "alice@" not in keeper.get(f"{EVENTS}?q=alice").text
    assert "bob@" in keeper.get(f"{EVENTS}?q=bob").text
    # The page of an older event is still there.
    assert "alice@" in keeper.get(f"{EVENTS}1/change/").text


def test_events_are_filtered_by_framework(keeper: TestClient) -> None:
    keeper.post("/flask/api/users", json={"name": "Carol", "email": "carol@example.org"})
    page = read(keeper, EVENTS)
    assert {"flask", "django"} <= {*page.links}
    text = keeper.get(EVENTS + page.links["flask"]).text
    assert "carol@" in text
    assert "alice@" not in text


def test_recent_actions_show_only_objects_that_the_person_may_view(gateway: TestClient) -> None:
    from django.contrib.auth.models import Permission

    account = make_account("clerk", ["view_user", "change_user"])
    log_in(gateway, account)
    gateway.cookies.set("csrftoken", CSRF, gateway.base_url.host)
    form = {"name": "Alicia", "email": "alicia@example.com", "csrfmiddlewaretoken": CSRF}
    assert gateway.post(f"{USERS}1/change/", data=form).status_code == 302
    gateway.get("/django/admin/")  # the message is shown once
    assert "alicia@example.com" in gateway.get("/django/admin/").text
    events = Permission.objects.get(codename="view_userevent")
    account.user_permissions.set([events])
    text = gateway.get("/django/admin/").text
    assert "API user events" in text
    assert "alicia@example.com" not in text


def test_accounts_that_may_enqueue_exports_see_their_progress(gateway: TestClient) -> None:
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


LOOKUPS = [
    *("name__regex=^(a%2b)%2b$", "name__iregex=(", "email__startswith=a", "id__in=1,2"),
    *("id__gt=0", "created_at__year=99999999999", "created_at__week=1", "name=Alice"),
]


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_a_url_cannot_filter_by_anything_that_no_link_offers(
    gateway: TestClient, lookup: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A regular expression could block the process; other lookups reveal hidden fields."""
    log_in(gateway, create_account())
    for model in ("django_app/user", "auth/user"):
        response = gateway.get(f"/django/admin/{model}/?{lookup}")
        assert (response.status_code, response.headers["Location"][-4:]) == (302, "?e=1")
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "value", ["9999-12-31 23:59:59-12:00", "0001-01-01 00:00:00%2b12:00", "x", "99999999-01-01"]
)
def test_an_unusual_date_filter_causes_no_server_error(
    gateway: TestClient, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(gateway, create_account())
    response = gateway.get(f"/django/admin/django_app/user/?created_at__gte={value}")
    assert response.status_code in (200, 302)
    assert not [record for record in caplog.records if record.exc_info]


def test_the_filters_of_the_lists_can_be_used(gateway: TestClient) -> None:
    log_in(gateway, create_account())
    for model in ("django_app/user", "django_app/userevent", "django_app/apitoken", "auth/user"):
        page = gateway.get(f"/django/admin/{model}/").text
        links = set(re.findall(r'href="(\?[a-z_]+__[^"]+)"', page))
        assert links
        for link in links:
            address = f"/django/admin/{model}/{link.replace('&amp;', '&')}"
            assert gateway.get(address).status_code == 200, link
