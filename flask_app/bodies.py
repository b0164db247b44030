"""Request and response bodies, by the contract's rules."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask.json.provider import JSONProvider

from contract.bodies import parse_json_object


class CompactJSONProvider(JSONProvider):
    """JSON without spaces, sorting, escapes or a final newline.

    ``jsonify`` and views that return a dict or a list use it.
    """

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return json.dumps(obj, **{"ensure_ascii": False, "separators": (",", ":"), **kwargs})

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return json.loads(s, **kwargs)


def json_body() -> dict[str, Any]:
    """Return the JSON object in the body of the current request.

    Flask's own ``request.get_json()`` accepts NaN and reports errors in other words.

    Raises:
        Problem: see ``parse_json_object``.
    """
    return parse_json_object(request.content_type, request.get_data(cache=False))


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """Return a 204 response; without a body it has no Content-Type either."""
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response
