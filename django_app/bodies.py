"""Request and response bodies, by the contract's rules."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from contract.bodies import parse_json_object


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object in the body of the request.

    Raises:
        Problem: see ``parse_json_object``.
    """
    return parse_json_object(request.headers.get("Content-Type"), request.body)


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """Return JSON without spaces or escapes."""
    return JsonResponse(
        document,
        status=status,
        headers=headers,
        safe=False,
        json_dumps_params={"separators": (",", ":"), "ensure_ascii": False},
    )


def no_content(headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a 204 response; without a body it has no Content-Type either."""
    response = HttpResponse(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response
