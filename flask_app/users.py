"""The users resource."""

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from contract.pages import next_link, split_page
from contract.problems import UserNotFound
from contract.schemas import PageQuery, UserInput, UserPatch
from contract.table import delete_user, insert_user, select_page, select_user, update_user
from flask_app.bodies import json_body, no_content
from flask_app.db import committing, reading

bp = Blueprint("users", __name__, url_prefix="/api/users")


@bp.get("")
def list_users() -> Response:
    """List users by id, a page at a time."""
    query = PageQuery.model_validate(dict(request.args.items(multi=True)))
    with reading() as session:
        rows = session.execute(select_page(query, session.get_bind().dialect.name)).all()
    page, more = split_page(rows, query)
    response = jsonify([row._asdict() for row in page])
    if more:
        response.headers["Link"] = next_link(url_for("users.list_users"), query, page[-1].id)
    return response


@bp.post("")
def create_user() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create a user."""
    values = UserInput.model_validate(json_body())
    with committing() as session:
        user = session.execute(insert_user(values.model_dump())).one()
    location = url_for("users.get_user", user_id=user.id)
    return user._asdict(), 201, {"Location": location}


@bp.get("/<user_id:user_id>")
def get_user(user_id: int) -> dict[str, Any]:
    """Return one user."""
    with reading() as session:
        user = session.execute(select_user(user_id)).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user._asdict()


@bp.put("/<user_id:user_id>")
def replace_user(user_id: int) -> dict[str, Any]:
    """Replace both fields of a user."""
    values = UserInput.model_validate(json_body())
    return change_user(user_id, values.model_dump())


@bp.patch("/<user_id:user_id>")
def patch_user(user_id: int) -> dict[str, Any]:
    """Change the fields that the body contains."""
    values = UserPatch.model_validate(json_body())
    changes = values.model_dump(exclude_unset=True)
    return change_user(user_id, changes) if changes else get_user(user_id)


@bp.delete("/<user_id:user_id>")
def remove_user(user_id: int) -> Response:
    """Delete a user."""
    with committing() as session:
        deleted = session.execute(delete_user(user_id)).one_or_none()
    if deleted is None:
        raise UserNotFound(user_id)
    return no_content()


def change_user(user_id: int, changes: dict[str, str]) -> dict[str, Any]:
    """Update a user and return it."""
    with committing() as session:
        user = session.execute(update_user(user_id, changes)).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user._asdict()
