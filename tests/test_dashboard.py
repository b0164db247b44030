"""The staff dashboard: its figures, queries, cache and permissions."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from starlette.testclient import TestClient

from tests.accounts import make_account
from tests.databases import PostgreSQL, SQLite
from tests.test_admin import create_account, log_in

DASHBOARD = "/django/"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """A fresh database repeats the ids of events, which never happens elsewhere."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def staff(gateway: TestClient) -> TestClient:
    """The gateway, with a client that may view everything."""
    log_in(gateway, create_account())
    return gateway


def cells(text: str, table: str) -> list[str]:
    """The texts of the table cells."""
    body = text.partition(f'<table id="{table}"')[2].partition("</table>")[0]
    return re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", re.split("<tbody[^>]*>", body)[-1])


def test_the_dashboard_needs_a_login(gateway: TestClient) -> None:
    for path in ("/django", DASHBOARD):
        response = gateway.get(path)
        assert response.status_code == 302
        assert response.headers["Location"] == "/django/admin/login/?next=/django/"


def test_the_dashboard_shows_its_figures(staff: TestClient) -> None:
    from django_app.models import User

    for framework in ("flask", "fastapi", "fastapi"):
        count = User.objects.count()
        user = {"name": "<b>x</b>", "email": f"u{count}@example.com"}
        assert staff.post(f"/{framework}/api/users", json=user).status_code == 201
    staff.delete("/flask/api/users/3")
    text = staff.get(DASHBOARD).text
    assert '<strong id="total">4</strong>' in text
    figures = cells(text, "frameworks")
    made = dict(zip(figures[::2], figures[1::2], strict=True))
    assert made["flask"] == made["fastapi"] == "2"
    latest = cells(text, "latest")
    assert latest[1:4] == ["deleted", "&lt;b&gt;x&lt;/b&gt; &lt;u2@example.com&gt;", "flask"]
    bars = re.findall(r'<rect class="bar"[^>]*height="([\d.]+)"[^>]*><title>(\S+): (\d+)<', text)
    assert len(bars) == 30
    # Alice and Bob may be from yesterday: a run of the suite can cross midnight.
    lately, before = bars[-2:], bars[:-2]
    # The user that was deleted has signed up, too.
    assert sum(int(count) for _, _, count in lately) == 5
    assert "120.0" in [height for height, _, _ in lately]
    assert {height for height, _, _ in before} == {"0.0"}


def test_the_dashboard_is_current_after_a_change_in_any_framework(staff: TestClient) -> None:
    for total, framework in enumerate(("flask", "fastapi", "django"), 3):
        user = {"name": "x", "email": f"{framework}@example.com"}
        staff.post(f"/{framework}/api/users", json=user)
        assert f'<strong id="total">{total}</strong>' in staff.get(DASHBOARD).text


def queries(call: Callable[[], object]) -> int:
    """The number of queries of both connections."""
    with (
        CaptureQueriesContext(connection) as own,
        CaptureQueriesContext(connections["snapshot"]) as others,
    ):
        call()
    return len(own) + len([query for query in others if query["sql"].startswith("SELECT")])


FRESH = 9  # queries that collect the figures


def looks() -> int:
    """The number of queries that look for new events; PostgreSQL's get their ids first."""
    return 2 if connection.vendor == "postgresql" else 1


def test_the_number_of_queries_does_not_grow_with_the_table(database: SQLite | PostgreSQL) -> None:
    from django_app.dashboard import current
    from django_app.models import User

    assert queries(current) == looks() + FRESH
    assert queries(current) == looks()
    User.objects.bulk_create(User(name="x", email=f"u{n}@example.com") for n in range(500))
    assert queries(current) == looks() + FRESH
    assert queries(current) == looks()
    assert current().total == 502
    assert sum(count for _, count in current().days) == 502
    assert current().busiest >= 250  # some may be from yesterday


def test_after_a_restore_another_event_with_the_same_id_is_shown(
    database: SQLite | PostgreSQL,
) -> None:
    from django_app.dashboard import current
    from django_app.models import User, UserEvent

    User.objects.create(name="x", email="x@example.com")
    assert current().total == 3
    event = UserEvent.objects.all()[:1].get()
    number = event.id
    assert event.action == "created"
    # A backup, and then the deletion of one of its users, as of another day.
    event.delete()
    at = timezone.now() - timedelta(days=1)
    values: dict[str, Any] = {"action": "deleted", "user_id": 1, "framework": "script", "at": at}
    UserEvent.objects.create(id=number, name="x", email="x@example.com", **values)
    assert UserEvent.objects.all()[:1].get().id == number
    assert current().total == 1


def test_many_events_are_carried_so_that_the_next_look_need_not_count_them(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import figures
    from django_app.dashboard import current
    from django_app.models import User, UserEvent, Watermark

    monkeypatch.setattr(figures, "LONG", 10)
    current()
    assert figures.find_mark("default")[0] == 0
    User.objects.bulk_create(User(name="x", email=f"u{n}@example.com") for n in range(20))
    assert current().total == 22
    newest = UserEvent.objects.all()[:1].get()
    assert Watermark.objects.get().event_id == newest.id
    User.objects.filter(id=1).delete()
    assert current().total == 21
    assert Watermark.objects.get().event_id == newest.id


def test_the_group_support_can_view_but_not_change(gateway: TestClient) -> None:
    log_in(gateway, make_account("helper", group="Support"))
    assert gateway.get(DASHBOARD).status_code == 200
    assert gateway.get("/django/admin/django_app/user/").status_code == 200
    assert gateway.get("/django/admin/django_app/userevent/").status_code == 200
    change = gateway.get("/django/admin/django_app/user/1/change/")
    assert change.status_code == 200
    assert 'name="_save"' not in change.text
    for path in ("user/add/", "user/1/delete/", "apitoken/", "apitoken/add/"):
        assert gateway.get(f"/django/admin/django_app/{path}").status_code == 403
    token = gateway.cookies.get("csrftoken") or "x"
    form = {"name": "x", "email": "x@example.com", "csrfmiddlewaretoken": token}
    path = "/django/admin/django_app/user/1/change/"
    assert gateway.post(path, data=form).status_code == 403


def test_staff_without_the_permissions_are_refused(gateway: TestClient) -> None:
    log_in(gateway, make_account("clerk", ["add_user", "view_export", "view_apitoken"]))
    assert gateway.get(DASHBOARD).status_code == 403


@pytest.mark.parametrize("permission", ["view_user", "change_user"])
def test_without_the_permission_on_events_the_dashboard_shows_none(
    gateway: TestClient, permission: str
) -> None:
    log_in(gateway, make_account("clerk", [permission]))
    text = gateway.get(DASHBOARD).text
    assert '<strong id="total">2</strong>' in text
    assert "Sign-ups" in text
    assert "alice@example.com" not in text
    assert 'id="frameworks"' not in text
    assert "events" not in text


def test_without_the_permission_on_users_the_dashboard_shows_only_events(
    gateway: TestClient,
) -> None:
    log_in(gateway, make_account("clerk", ["view_userevent"]))
    text = gateway.get(DASHBOARD).text
    assert "alice@example.com" in text
    assert 'id="total"' not in text
    assert "Sign-ups" not in text


def test_the_dashboard_is_not_cached(gateway: TestClient, staff: TestClient) -> None:
    answer = staff.get(DASHBOARD)
    assert {"no-store", "private"} <= {*answer.headers["Cache-Control"].split(", ")}
    assert "Cookie" in answer.headers["Vary"]
    staff.cookies.clear()
    assert "no-store" in gateway.get(DASHBOARD).headers["Cache-Control"]


def test_nobody_can_change_events(staff: TestClient) -> None:
    page = "/django/admin/django_app/userevent/"
    assert "alice@example.com" in staff.get(page).text
    assert staff.get(page + "add/").status_code == 403
    assert staff.get(page + "1/delete/").status_code == 403
    assert 'name="_save"' not in staff.get(page + "1/change/").text


def test_the_cache_can_be_redis(
    redis: str, database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.cache.backends.redis import RedisCache

    from django_app import dashboard

    cache = RedisCache(redis, {})
    monkeypatch.setattr(dashboard, "cache", cache)
    assert queries(dashboard.current) == looks() + FRESH
    assert queries(dashboard.current) == looks()
    for pool in cache._cache._pools.values():  # type: ignore[attr-defined]
        pool.disconnect()
