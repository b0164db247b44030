"""JSON in and out, by the contract's rules."""

from typing import Any

from flask import Response, request
from flask.json.provider import DefaultJSONProvider

from contract.bodies import parse_json_object


class CompactJSONProvider(DefaultJSONProvider):
    """Flask's JSON without the spaces, the sorting, the escapes and the line end."""

    ensure_ascii = False
    sort_keys = False
    compact = True

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Serialise for ``jsonify`` and for views that return a dict or a list."""
        document = self._prepare_response_obj(args, kwargs)
        text = self.dumps(document, separators=(",", ":"))
        return Response(text, mimetype=self.mimetype)


def json_body() -> dict[str, Any]:
    """Return the current request's JSON object, or raise its Problem."""
    return parse_json_object(request.content_type, request.get_data(cache=False))
