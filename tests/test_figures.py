"""The figures are carried on: always those of a count, whatever has been carried."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from tests.databases import PostgreSQL, SQLite

TODAY = datetime.now(UTC).date()


def add_users(count: int) -> None:
    from django_app.events import number_events
    from django_app.models import User

    User.objects.bulk_create(User(name="x", email=f"{uuid4()}@example.org") for _ in range(count))
    number_events()


def newest_event() -> int:
    from django_app.models import UserEvent

    return UserEvent.objects.values_list("id", flat=True)[:1].get()


def assert_counted() -> None:
    """Compare the figures with a count of everything."""
    from django_app import figures
    from django_app.events import number_events
    from django_app.models import User, UserEvent

    number_events()
    found = figures.read()
    assert found.users == User.objects.count()
    counts = UserEvent.objects.order_by().values_list("framework").annotate(count=Count("id"))
    assert dict(found.frameworks) == dict(counts)
    created = Counter(
        at.date() for at in UserEvent.objects.filter(action="created").values_list("at", flat=True)
    )
    assert +found.created == created


def test_the_figures_are_those_of_a_count_at_any_time(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import figures
    from django_app.events import number_events
    from django_app.models import DayStatistic, User, Watermark

    monkeypatch.setattr(figures, "BATCH", 3)
    chance = random.Random(5)
    assert_counted()
    for _ in range(40):
        match chance.randrange(5):
            case 0 | 1:
                add_users(chance.randint(1, 5))
            case 2:
                User.objects.filter(
                    id__in=[*User.objects.values_list("id", flat=True)[:2]]
                ).delete()
            case 3:
                User.objects.update(name=f"y{chance.random()}")
            case 4:
                number_events()
                figures.carry()
                assert Watermark.objects.get().event_id == newest_event()
                (total,) = DayStatistic.objects.values_list("total", flat=True)[:1]
                assert total == User.objects.count()
        assert_counted()


def test_each_day_has_its_changes_and_the_users_at_its_end(database: SQLite | PostgreSQL) -> None:
    from django_app import figures
    from django_app.models import DayStatistic, UserEvent

    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    UserEvent.objects.update(at=noon - timedelta(days=9))
    # The third comes late: after a later day has begun.
    for days in (9, 5, 7, 5, 2):
        add_users(1)
        UserEvent.objects.filter(id=newest_event()).update(at=noon - timedelta(days=days))
        figures.carry()
    rows = DayStatistic.objects.order_by("day").values_list("day", "created", "total")
    assert [(TODAY - day, *rest) for day, *rest in rows] == [
        (timedelta(days=9), 3, 3),
        (timedelta(days=7), 1, 4),
        (timedelta(days=5), 2, 6),
        (timedelta(days=2), 1, 7),
    ]
    assert_counted()


def test_a_time_that_is_none_counts_on_the_newest_day(database: SQLite | PostgreSQL) -> None:
    from django_app import figures
    from django_app.models import User

    time = "'nonsense'" if connection.vendor == "sqlite" else "'infinity'"
    add_users(1)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE user_events SET at = {time} WHERE user_id > 1")
    before = figures.read()
    for _ in range(2):
        found = figures.read()
        assert found.users == User.objects.count() == 3
        assert sum(found.frameworks.values()) == 3
        # The days are the same before and after.
        assert +found.created == +before.created
        assert found.created.total() == 3
        figures.carry()


def test_a_truncated_table_of_events_is_counted_from_its_beginning(
    database: SQLite | PostgreSQL,
) -> None:
    from django_app import figures
    from django_app.models import User, UserEvent

    add_users(9)
    figures.carry()
    UserEvent.objects.all().delete()
    figures.carry()
    assert figures.read().users == 11
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'user_events'")
        else:
            cursor.execute("TRUNCATE user_events RESTART IDENTITY")
    add_users(2)
    for _ in range(2):
        assert figures.read().users == User.objects.count() == 13
        figures.carry()


def test_two_that_carry_at_once_count_nothing_twice(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import figures

    monkeypatch.setattr(figures, "BATCH", 5)
    add_users(200)

    def carry() -> None:
        figures.carry()
        connections.close_all()

    threads = [threading.Thread(target=carry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_counted()


def test_what_is_carried_is_not_read_again(database: SQLite | PostgreSQL) -> None:
    from django_app import figures
    from django_app.models import User, UserEvent

    add_users(50)
    figures.carry()
    # Whatever is before the watermark, such as events that were deleted for their age.
    UserEvent.objects.exclude(id=newest_event()).delete()
    add_users(3)
    found = figures.read()
    assert found.users == User.objects.count()
    assert sum(found.frameworks.values()) == 55
    with CaptureQueriesContext(connections["snapshot"]) as queries:
        figures.read(TODAY)
    assert not any('FROM "users"' in query["sql"] for query in queries)
    events = [query["sql"] for query in queries if 'COUNT("user_events"' in query["sql"]]
    assert len(events) == 1
    assert '"user_events"."id" > 52' in events[0]


@pytest.fixture
def earlier(database: SQLite | PostgreSQL) -> Iterator[None]:
    """The database in the state before the migration."""
    call_command("migrate", "django_app", "0014", verbosity=0)
    yield
    with suppress(DatabaseError):
        call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("earlier")
def test_the_migration_counts_what_exists() -> None:
    from django_app import figures
    from django_app.models import DayStatistic, User, UserEvent

    add_users(20)
    User.objects.filter(id__gt=18).delete()
    # PostgreSQL numbers these events later.
    pending = 4 if connection.vendor == "postgresql" else 0
    yesterday = datetime.now(UTC) - timedelta(days=1)
    UserEvent.objects.filter(user_id__lte=6).update(at=yesterday)
    with connection.cursor() as cursor:
        # As the nightly job of the previous version has counted it.
        known = f"'{TODAY - timedelta(days=3)}', 1, 2, 3, 4"
        columns = "day, total, created, changed, deleted"
        cursor.execute(f"INSERT INTO day_statistics ({columns}) VALUES ({known})")
    call_command("migrate", verbosity=0)
    rows = DayStatistic.objects.values_list("day", "total", "created", "changed", "deleted")
    assert [*rows] == [
        (TODAY, 18 + pending, 16, 0, 4 - pending),
        (TODAY - timedelta(days=1), 6, 6, 0, 0),
        (TODAY - timedelta(days=3), 1, 2, 3, 4),
    ]
    add_users(2)
    found = figures.read(TODAY)
    assert (found.users, found.created[TODAY]) == (20, 18)
    assert sum(found.frameworks.values()) == UserEvent.objects.count()
    figures.carry()
    assert figures.read(TODAY) == found


def test_a_day_without_changes_has_the_users_of_the_day_before(
    database: SQLite | PostgreSQL,
) -> None:
    from django_app.models import DayStatistic, UserEvent
    from django_app.tasks import count_day

    UserEvent.objects.update(at=datetime(2026, 1, 5, tzinfo=UTC))
    count_day.call("2026-01-07")
    row = DayStatistic.objects.get(day=date(2026, 1, 7))
    assert (row.total, row.created, row.changed, row.deleted) == (2, 0, 0, 0)
