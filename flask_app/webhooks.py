"""Signed webhooks about users, as Standard Webhooks specifies them."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, current_app, request
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from contract.bodies import parse_json_object
from contract.problems import Problem
from contract.table import insert_user
from contract.webhooks import WebhookBody, delete_messages, insert_message, rename_user
from flask_app.bodies import no_content
from flask_app.db import get_session, writing

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

MAX_ID = 256  # characters of webhook-id
# A signature is valid for five minutes, so an older id cannot be accepted again.
REMEMBERED = timedelta(days=1)


@bp.post("/users")
@writing()
def receive() -> Response:
    """Create or update the user in a signed message, once for each message id."""
    content = request.get_data(cache=False)
    message_id = verified_id(content)
    body = WebhookBody.model_validate(parse_json_object(request.content_type, content))
    session = get_session()
    try:
        session.execute(insert_message(message_id))
    except IntegrityError:
        session.rollback()  # already processed: the sender did not get the first answer
        return no_content()
    session.execute(delete_messages(datetime.now(UTC) - REMEMBERED))
    # Triggers let only one transaction at a time write users, so no other transaction can insert
    # this user between the two statements.
    if session.execute(rename_user(body.data.email, body.data.name)).one_or_none() is None:
        session.execute(insert_user(body.data.model_dump()))
    session.commit()
    return no_content()


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
