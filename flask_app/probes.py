"""Two endpoints for measurements: the framework alone, and how it waits."""

import time

from flask import Blueprint, request

from contract.schemas import WaitQuery

bp = Blueprint("probes", __name__, url_prefix="/api")


@bp.get("/hello")
def hello() -> dict[str, str]:
    """Return a greeting, without a database."""
    return {"message": "Hello, World!"}


@bp.get("/wait")
def wait() -> dict[str, int]:
    """Answer after ``ms`` milliseconds; the thread sleeps."""
    query = WaitQuery.model_validate(dict(request.args.items(multi=True)))
    # The endpoint exists to wait.
    time.sleep(query.ms / 1000)
    return {"waited_ms": query.ms}
