"""Two endpoints to measure with: the framework alone, and a wait as the framework waits."""

import time

from flask import Blueprint, request

from contract.schemas import WaitQuery

bp = Blueprint("probes", __name__, url_prefix="/api")


@bp.get("/hello")
def hello() -> dict[str, str]:
    """Greet, without a database."""
    return {"message": "Hello, World!"}


@bp.get("/wait")
def wait() -> dict[str, int]:
    """Answer after ``ms`` milliseconds; the thread sleeps, as threads wait."""
    query = WaitQuery.model_validate(dict(request.args.items(multi=True)))
    # The wait is what this endpoint is for.
    time.sleep(query.ms / 1000)
    return {"waited_ms": query.ms}
