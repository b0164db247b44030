"""The authenticated account."""

from flask import Blueprint, request

from contract.access import PRIVATE
from contract.problems import NotAuthenticated

bp = Blueprint("me", __name__, url_prefix="/api")


@bp.get("/me")
def me() -> tuple[dict[str, str], dict[str, str]]:
    """Return the name of the account that the gateway authenticated, by session or token."""
    if not request.remote_user:
        raise NotAuthenticated
    return {"name": request.remote_user}, PRIVATE
