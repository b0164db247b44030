"""The gateway's own errors, as problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from framework_gateway.observability.request_id import request_id

MEDIA_TYPE = "application/problem+json"
# http.HTTPStatus changed these between Python 3.11 and 3.13; responses must stay the same.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def problem(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem details response.

    Args:
        status: the HTTP status code.
        detail: one sentence that explains the problem.
        headers: response headers in addition to Content-Type.
    """
    title = TITLES.get(status) or HTTPStatus(status).phrase
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail is not None:
        document["detail"] = detail
    if current := request_id.get():
        document["request_id"] = current
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)
