"""Every change leaves one event, in the same transaction, whatever makes the change."""

from typing import Any

import httpx2 as httpx
import pytest
from django.db import transaction
from sqlalchemy import Row, insert

from contract.engines import create_sync_engine
from contract.events import select_events
from contract.settings import get_settings
from contract.table import users
from tests.conftest import FRAMEWORKS, Api
from tests.databases import PostgreSQL, SQLite

CAROL = {"name": "Carol", "email": "carol@example.com"}


def events(after: int = 0) -> list[Row[Any]]:
    """Read the outbox, without the two users that exist at the start of each test."""
    from django_app.events import number_events

    number_events()
    engine = create_sync_engine(get_settings(), "tests")
    with engine.connect() as reader:
        rows = reader.execute(select_events(after, 10_000)).all()
    engine.dispose()
    return [row for row in rows if row.user_id > 2 or row.action != "created"]


def test_an_event_contains_the_action_the_user_and_the_framework(api: Api) -> None:
    assert api.post("/api/users", json=CAROL).status_code == 201
    assert api("PATCH", "/api/users/3", json={"name": "Caroline"}).status_code == 200
    assert api("PUT", "/api/users/3", json=CAROL).status_code == 200
    assert api("DELETE", "/api/users/3").status_code == 204
    rows = events()
    assert [(row.action, row.user_id, row.name, row.email) for row in rows] == [
        ("created", 3, "Carol", "carol@example.com"),
        ("changed", 3, "Caroline", "carol@example.com"),
        ("changed", 3, "Carol", "carol@example.com"),
        ("deleted", 3, "Carol", "carol@example.com"),
    ]
    assert {row.framework for row in rows} == {api.framework}
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert [row.id for row in rows] == [*range(rows[0].id, rows[0].id + 4)]


def test_a_request_that_changes_nothing_leaves_no_event(api: Api) -> None:
    for method, path, body in (
        ("PUT", "/api/users/1", {"name": "Alice", "email": "alice@example.com"}),
        ("PATCH", "/api/users/1", {}),
        ("PATCH", "/api/users/99", {"name": "x"}),
        ("DELETE", "/api/users/99", None),
        ("POST", "/api/users", {"name": "Alice", "email": "alice@example.com"}),
        ("POST", "/api/users", {"name": ""}),
        ("GET", "/api/users", None),
    ):
        api(method, path, json=body)
    assert events() == []


def test_bulk_operations_in_django_leave_events(database: SQLite | PostgreSQL) -> None:
    from django_app.models import User, UserEvent

    User.objects.bulk_create(User(name=f"u{n}", email=f"u{n}@example.com") for n in range(3))
    User.objects.filter(id__gt=2).update(name="all")
    User.objects.filter(id__gt=2).delete()
    rows = events()
    assert [row.action for row in rows] == ["created"] * 3 + ["changed"] * 3 + ["deleted"] * 3
    assert {row.framework for row in rows} == {"django"}
    assert UserEvent.objects.count() >= 9
    assert str(UserEvent.objects.first()) == "all <u2@example.com> deleted by django"


def test_a_change_that_is_rolled_back_leaves_no_event(database: SQLite | PostgreSQL) -> None:
    from django_app.models import User

    def fail() -> None:
        with transaction.atomic():
            User.objects.create(name="x", email="x@example.com")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    engine = create_sync_engine(get_settings(), "flask")
    with engine.connect() as writer:
        writer.execute(insert(users).values(name="y", email="y@example.com"))
        writer.rollback()
    engine.dispose()
    assert events() == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_many_writers_at_once_leave_one_event_each(gateway: httpx.Client, framework: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def create(number: int) -> int:
        user = {"name": "n", "email": f"n{number}@example.com"}
        status: int = gateway.post(f"/{framework}/api/users", json=user).status_code
        return status

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(create, range(40))} == {201}
    assert sorted(row.email for row in events()) == sorted(f"n{n}@example.com" for n in range(40))
