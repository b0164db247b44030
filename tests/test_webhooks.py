"""Flask's webhook receiver: it accepts recent, signed messages, and each of them once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook
from starlette.testclient import TestClient

from contract.settings import get_settings
from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
OTHER = "whsec_" + "A" * 44
PATH = "/flask/webhooks/users"
CAROL = {"type": "user.created", "data": {"name": "Carol", "email": "Carol@Example.com"}}


@pytest.fixture(scope="module")
def shared_receiver(migrated: SQLite | PostgreSQL) -> Iterator[TestClient]:
    """A gateway that has the secret."""
    from gateway import create_app

    settings = get_settings().model_copy(update={"webhook_secret": SecretStr(SECRET)})
    with TestClient(create_app(settings), "http://127.0.0.1") as client:
        yield client


@pytest.fixture
def receiver(shared_receiver: TestClient, database: SQLite | PostgreSQL) -> TestClient:
    """The same on a fresh database."""
    return shared_receiver


def headers_for(
    content: bytes,
    *,
    message: str = "msg_1",
    secret: str = SECRET,
    at: datetime | None = None,
) -> dict[str, str]:
    """Sign as the sender does."""
    at = at or datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, at, content.decode()),
    }


def deliver(client: TestClient, body: object = CAROL, **how: Any) -> httpx.Response:
    content = json.dumps(body).encode()
    return client.post(PATH, content=content, headers=headers_for(content, **how))


def users(client: TestClient) -> list[tuple[str, str]]:
    return [(user["name"], user["email"]) for user in client.get("/django/api/users").json()[2:]]


def test_a_user_is_created_and_then_updated(receiver: TestClient) -> None:
    response = deliver(receiver)
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Type" not in response.headers
    assert users(receiver) == [("Carol", "carol@example.com")]
    changed = {"type": "user.updated", "data": {"name": "Caroline", "email": "carol@example.com"}}
    assert deliver(receiver, changed, message="msg_2").status_code == 204
    assert users(receiver) == [("Caroline", "carol@example.com")]


def test_the_same_message_is_processed_once(receiver: TestClient) -> None:
    assert deliver(receiver).status_code == 204
    receiver.delete("/flask/api/users/3")
    assert deliver(receiver).status_code == 204
    assert users(receiver) == []
    assert deliver(receiver, message="msg_2").status_code == 204
    assert users(receiver) == [("Carol", "carol@example.com")]


def test_concurrent_deliveries_of_a_message_are_processed_once(receiver: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: deliver(receiver).status_code, range(16))]
    assert answers == [204] * 16
    assert users(receiver) == [("Carol", "carol@example.com")]


def test_a_message_that_cannot_be_stored_is_not_acknowledged(receiver: TestClient) -> None:
    assert_problem(deliver(receiver, {"type": "user.created", "data": {"name": "x"}}), 422)
    assert_problem(deliver(receiver, {"type": "user.renamed", "data": CAROL["data"]}), 422)
    # The id can still be used.
    assert deliver(receiver).status_code == 204
    assert users(receiver) == [("Carol", "carol@example.com")]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"secret": OTHER}, "No matching signature"),
        ({"at": datetime.now(UTC) - timedelta(minutes=6)}, "too old"),
        ({"at": datetime.now(UTC) + timedelta(hours=1)}, "too new"),
    ],
)
def test_forged_and_late_messages_are_refused(
    receiver: TestClient, how: dict[str, Any], reason: str
) -> None:
    problem = assert_problem(deliver(receiver, **how), 403)
    assert reason in problem["detail"]
    assert users(receiver) == []


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 60)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "1e999"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-id": ""},
    ],
)
def test_invalid_webhook_headers_are_refused(receiver: TestClient, change: dict[str, str]) -> None:
    content = json.dumps(CAROL).encode()
    response = receiver.post(PATH, content=content, headers={**headers_for(content), **change})
    assert_problem(response, 403)
    assert users(receiver) == []


def test_a_changed_body_is_refused(receiver: TestClient) -> None:
    content = json.dumps(CAROL).encode()
    headers = headers_for(content)
    assert_problem(receiver.post(PATH, content=content + b" ", headers=headers), 403)
    assert_problem(receiver.post(PATH, content=b"\xff", headers=headers), 403)
    assert_problem(receiver.post(PATH, headers=headers), 403)


def test_one_valid_signature_is_enough(receiver: TestClient) -> None:
    content = json.dumps(CAROL).encode()
    headers = headers_for(content)
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert receiver.post(PATH, content=content, headers=headers).status_code == 204


def test_an_id_that_cannot_be_stored_is_refused(receiver: TestClient) -> None:
    assert_problem(deliver(receiver, message="x" * 257), 400)
    assert deliver(receiver, message="x" * 256).status_code == 204


def test_what_no_sender_repeats_any_more_is_forgotten(receiver: TestClient) -> None:
    from django_app.models import WebhookMessage, WebhookSubject

    now = datetime.now(UTC)
    for days in (29, 31):
        at = now - timedelta(days=days)
        WebhookMessage.objects.create(id=f"msg_of_{days}", received_at=at)
        WebhookSubject.objects.create(email=f"{days}@example.com", sent_at=at, received_at=at)
    assert deliver(receiver).status_code == 204
    assert {*map(str, WebhookMessage.objects.all())} == {"msg_1", "msg_of_29"}
    assert {*map(str, WebhookSubject.objects.all())} == {"carol@example.com", "29@example.com"}


def named(name: str, at: datetime | str | None = None) -> dict[str, object]:
    """A message about one user; the name tells messages apart."""
    document: dict[str, object] = {
        "type": "user.updated",
        "data": {"name": name, "email": "carol@example.com"},
    }
    return document if at is None else {**document, "timestamp": str(at)}


@pytest.mark.parametrize("round_", range(5))
def test_many_messages_about_one_new_user_at_once_are_all_stored(
    receiver: TestClient, round_: int
) -> None:
    count = 40
    with ThreadPoolExecutor(count) as pool:
        answers = pool.map(
            lambda n: deliver(receiver, named(f"n{n}"), message=f"m{n}").status_code, range(count)
        )
        assert [*answers] == [204] * count
    ((name, email),) = users(receiver)
    assert (name[0], email) == ("n", "carol@example.com")


def test_a_retry_that_is_signed_anew_days_later_changes_nothing(receiver: TestClient) -> None:
    from django_app.models import WebhookMessage

    deliver(receiver, named("old"), message="msg_old")
    deliver(receiver, named("new"), message="msg_new")
    days_ago = datetime.now(UTC) - timedelta(days=6)
    WebhookMessage.objects.update(received_at=days_ago)
    assert deliver(receiver, named("other"), message="msg_3").status_code == 204
    assert deliver(receiver, named("old"), message="msg_old").status_code == 204
    assert users(receiver) == [("other", "carol@example.com")]


@pytest.mark.parametrize("form", ["{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%dT%H:%M:%S}", "{}"])
def test_a_first_delivery_that_comes_late_changes_nothing(receiver: TestClient, form: str) -> None:
    now = datetime.now(UTC)
    old, new = (form.format(now - timedelta(days=days)) for days in (3, 2))
    assert deliver(receiver, named("new", new), message="msg_new").status_code == 204
    # The receiver was down when this one was sent first.
    assert deliver(receiver, named("old", old), message="msg_old").status_code == 204
    assert users(receiver) == [("new", "carol@example.com")]
    # A user that was deleted meanwhile stays deleted, too.
    receiver.delete("/flask/api/users/3")
    assert deliver(receiver, named("old", old), message="msg_older").status_code == 204
    assert users(receiver) == []
    assert deliver(receiver, named("newest"), message="msg_4").status_code == 204
    assert users(receiver) == [("newest", "carol@example.com")]


def test_late_and_new_messages_at_once_leave_the_newest(receiver: TestClient) -> None:
    now = datetime.now(UTC)
    order = [7, 3, 11, 0, 5, 9, 1, 10, 2, 8, 4, 6]
    with ThreadPoolExecutor(len(order)) as pool:
        answers = pool.map(
            lambda n: (
                deliver(
                    receiver, named(f"n{n}", now - timedelta(hours=20 - n)), message=f"m{n}"
                ).status_code
            ),
            order,
        )
        assert {*answers} == {204}
    assert users(receiver) == [("n11", "carol@example.com")]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_impossible_time_is_no_error_and_blocks_nothing(receiver: TestClient, at: str) -> None:
    assert deliver(receiver, named("odd", at)).status_code == 204
    assert deliver(receiver, named("next"), message="msg_2").status_code == 204
    assert users(receiver) == [("next", "carol@example.com")]


def test_a_time_that_is_none_is_refused(receiver: TestClient) -> None:
    problem = assert_problem(deliver(receiver, named("odd", "yesterday")), 422)
    assert problem["errors"][0]["pointer"] == "/timestamp"


def test_the_event_names_flask(receiver: TestClient) -> None:
    from django_app.events import number_events
    from django_app.models import UserEvent

    deliver(receiver)
    number_events()
    event = UserEvent.objects.first()
    assert event is not None
    assert (event.framework, event.email, event.action) == ("flask", "carol@example.com", "created")


def test_other_methods_and_a_missing_secret_are_refused(gateway: TestClient) -> None:
    response = gateway.get(PATH)
    assert_problem(response, 405)
    assert response.headers["Allow"] == "OPTIONS, POST"
    problem = assert_problem(deliver(gateway), 503)
    assert "GATEWAY_WEBHOOK_SECRET" in problem["detail"]
