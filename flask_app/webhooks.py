"""Signed webhooks about users, as Standard Webhooks specifies them."""

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, request
from pydantic import SecretStr
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from contract.bodies import parse_json_object
from contract.problems import Problem
from contract.webhooks import (
    REMEMBERED,
    WebhookBody,
    forget,
    insert_message,
    note_newest,
    upsert_user,
    webhook_messages,
    webhook_subjects,
)
from flask_app.bodies import no_content
from flask_app.db import get_session, writing

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

MAX_ID = 256  # characters of webhook-id


@bp.post("/users")
def receive() -> Response:
    """Create or update the user in a signed message, once for each message id."""
    content = request.get_data(cache=False)
    message_id = verified_id(content)
    body = WebhookBody.model_validate(parse_json_object(request.content_type, content))
    attempted_at = datetime.fromtimestamp(float(request.headers["webhook-timestamp"]), UTC)
    with writing():
        session = get_session()
        store(session, message_id, body, body.sent_at(attempted_at))
        session.commit()
    # 204 also for a message that is known or too old: the sender need not send it again.
    return no_content()


def store(session: Session, message_id: str, body: WebhookBody, sent_at: datetime) -> None:
    """Write the user, unless the message is known or a newer one about the user is."""
    dialect = session.get_bind().dialect.name
    if session.execute(insert_message(dialect, message_id)).one_or_none() is None:
        return
    email = body.data.email
    if session.execute(note_newest(dialect, email, sent_at)).one_or_none() is not None:
        session.execute(upsert_user(dialect, body.data.model_dump()))
    before = datetime.now(UTC) - REMEMBERED
    session.execute(forget(webhook_messages, before))
    session.execute(forget(webhook_subjects, before))


def verified_id(content: bytes) -> str:
    """Check the signature, in constant time, and the timestamp; return the message id.

    Raises:
        Problem: 400, the id is too long or not printable; 403, the signature is missing, invalid
            or expired; 503, no secret is configured.
    """
    secret: SecretStr | None = current_app.config["WEBHOOK_SECRET"]
    if secret is None:
        raise Problem(503, "Webhooks are not set up here: GATEWAY_WEBHOOK_SECRET is missing.")
    try:
        headers = dict(request.headers.items())
        Webhook(secret.get_secret_value()).verify(content, headers, json_parse=False)
    except WebhookVerificationError as error:
        raise Problem(403, f"The webhook was refused: {error}.") from error
    except ValueError as error:  # the library's error for malformed headers and bodies
        raise Problem(403, "The webhook was refused: not a signature.") from error
    message_id = request.headers["webhook-id"]
    if len(message_id) > MAX_ID or not message_id.isprintable():
        raise Problem(400, "The header webhook-id has at most 256 characters, all of them visible.")
    return message_id
