"""What workers delete because it is old: events, sessions, ids of webhooks, records of jobs."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from tests.database.test_prepare import connect
from tests.databases import PostgreSQL, SQLite
from tests.jobs.workers import files, working
from tests.wsgi.server import wait_until

__all__ = ["files"]  # the fixture


def add_events(days: float, count: int) -> None:
    """Add events that are some days old."""
    from django_app.models import UserEvent

    values: dict[str, Any] = {"action": "created", "user_id": 1, "framework": "script"}
    at = timezone.now() - timedelta(days=days)
    events = [UserEvent(at=at, name="x", email="x@example.com", **values) for _ in range(count)]
    UserEvent.objects.bulk_create(events)


def event_ids() -> list[int]:
    from django_app.models import UserEvent

    return [*UserEvent.objects.order_by("id").values_list("id", flat=True)]


@pytest.mark.usefixtures("database")
def test_old_events_are_deleted_in_batches_and_the_others_stay() -> None:
    from django_app.cleanup import delete_old_events
    from django_app.figures import carry

    add_events(3, 1500)
    add_events(1, 1)  # its clock was wrong
    add_events(3, 1500)
    add_events(1, 2)
    before = event_ids()
    delete_old_events()
    with override_settings(EVENTS_KEPT=2.0):
        delete_old_events()
        # The figures do not contain them yet.
        assert event_ids() == before
        carry()
    delete_old_events()
    assert event_ids() == before
    with override_settings(EVENTS_KEPT=2.0):
        delete_old_events()
        assert event_ids() == [*before[:2], before[1502], *before[-2:]]
    with override_settings(EVENTS_KEPT=1e-9):
        delete_old_events()
        assert event_ids() == before[-1:]
        delete_old_events()
    assert event_ids() == before[-1:]


def test_others_can_write_between_two_batches(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import cleanup, figures

    written = list[int]()

    def write() -> None:
        with closing(connect(database.url)) as other:
            other.execute("UPDATE worker_processes SET id = id")
            other.commit()
        written.append(len(event_ids()))

    monkeypatch.setattr(cleanup, "rest", write)
    add_events(3, 2500)
    figures.carry()
    with override_settings(EVENTS_KEPT=2.0):
        cleanup.delete_old_events()
    assert written == [1504, 504, 3, 3]


@pytest.mark.usefixtures("files")
def test_a_worker_deletes_what_is_old(database: SQLite | PostgreSQL) -> None:
    from django.contrib.sessions.models import Session

    from django_app.models import WebhookMessage, WebhookSubject

    now = timezone.now()
    for days, key in ((-31, "old"), (1, "new")):
        at = now + timedelta(days=days)
        Session.objects.create(session_key=key, session_data="", expire_date=at)
        WebhookMessage.objects.create(id=key, received_at=at)
        WebhookSubject.objects.create(email=f"{key}@x.com", sent_at=at, received_at=at)
    add_events(91, 1200)
    add_events(89, 2)
    with working(GATEWAY_EVENTS_KEPT="90"):
        wait_until(lambda: len(event_ids()) <= 4)
        wait_until(lambda: not Session.objects.filter(session_key="old").exists())
        wait_until(lambda: not WebhookSubject.objects.filter(email="old@x.com").exists())
    assert len(event_ids()) == 4
    assert [*WebhookMessage.objects.values_list("id", flat=True)] == ["new"]
    assert [*WebhookSubject.objects.values_list("email", flat=True)] == ["new@x.com"]
    Session.objects.get(session_key="new").delete()
