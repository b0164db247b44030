"""The users resource."""

from flask import Blueprint, Response, jsonify, request, url_for
from sqlalchemy import Executable
from sqlalchemy.exc import IntegrityError

from contract.pages import next_link, split_page
from contract.problems import EmailTaken, UserNotFound
from contract.schemas import PageQuery, UserInput, UserPatch
from contract.table import delete_user, insert_user, select_page, select_user, update_user
from flask_app.db import get_session
from flask_app.json import json_body

bp = Blueprint("users", __name__, url_prefix="/api/users")


@bp.get("")
def list_users() -> Response:
    """List users by id, a page at a time."""
    query = PageQuery.model_validate(dict(request.args.items(multi=True)))
    rows = get_session().execute(select_page(query)).all()
    page, more = split_page(rows, query)
    response = jsonify([row._asdict() for row in page])
    if more:
        response.headers["Link"] = next_link(url_for("users.list_users"), query, page[-1].id)
    return response


@bp.post("")
def create_user() -> tuple[Response, int, dict[str, str]]:
    """Create a user."""
    values = UserInput.model_validate(json_body())
    user = write(insert_user(values.model_dump()))
    assert user is not None
    location = url_for("users.get_user", user_id=user["id"])
    return jsonify(user), 201, {"Location": location}


@bp.get("/<user_id:user_id>")
def get_user(user_id: int) -> dict[str, object]:
    """Return one user."""
    user = get_session().execute(select_user(user_id)).mappings().one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return dict(user)


@bp.put("/<user_id:user_id>")
def replace_user(user_id: int) -> dict[str, object]:
    """Replace both fields of a user."""
    values = UserInput.model_validate(json_body())
    return change_user(user_id, values.model_dump())


@bp.patch("/<user_id:user_id>")
def patch_user(user_id: int) -> dict[str, object]:
    """Change the fields that the body names."""
    values = UserPatch.model_validate(json_body())
    changes = values.model_dump(exclude_unset=True)
    return change_user(user_id, changes) if changes else get_user(user_id)


@bp.delete("/<user_id:user_id>")
def remove_user(user_id: int) -> Response:
    """Delete a user."""
    if write(delete_user(user_id)) is None:
        raise UserNotFound(user_id)
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def change_user(user_id: int, changes: dict[str, str]) -> dict[str, object]:
    user = write(update_user(user_id, changes))
    if user is None:
        raise UserNotFound(user_id)
    return user


def write(statement: Executable) -> dict[str, object] | None:
    """Run one writing statement and commit it; return the row that it gives back, if any."""
    session = get_session()
    try:
        row = session.execute(statement).mappings().one_or_none()
        session.commit()
    except IntegrityError as error:
        raise EmailTaken from error
    return None if row is None else dict(row)
