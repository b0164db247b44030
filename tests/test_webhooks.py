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


def test_old_ids_are_forgotten(receiver: TestClient) -> None:
    from django_app.models import WebhookMessage

    WebhookMessage.objects.create(id="old", received_at=datetime.now(UTC) - timedelta(days=2))
    assert deliver(receiver).status_code == 204
    assert [str(message) for message in WebhookMessage.objects.all()] == ["msg_1"]


def test_the_event_names_flask(receiver: TestClient) -> None:
    from django_app.models import UserEvent

    deliver(receiver)
    event = UserEvent.objects.first()
    assert event is not None
    assert (event.framework, event.email, event.action) == ("flask", "carol@example.com", "created")


def test_other_methods_and_a_missing_secret_are_refused(gateway: TestClient) -> None:
    response = gateway.get(PATH)
    assert_problem(response, 405)
    assert response.headers["Allow"] == "OPTIONS, POST"
    problem = assert_problem(deliver(gateway), 503)
    assert "GATEWAY_WEBHOOK_SECRET" in problem["detail"]
