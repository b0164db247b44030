"""Request bodies: one JSON parser for Flask, FastAPI and Django.

The frameworks' own parsers differ in the input they accept (NaN, lone surrogates, deep nesting) and
in their error messages.
"""

from typing import Any

from pydantic_core import from_json

from contract.problems import EmptyBody, Problem

# Each of these may begin a value, and each value becomes a Python object: a body of ten megabytes
# could take a second to parse.
SEPARATORS = b",[{"
MAX_VALUES = 10_000


def parse_json_object(content_type: str | None, body: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object in UTF-8 (RFC 8259).

    Raises:
        Problem: 400, the body is empty or not valid JSON (NaN, invalid UTF-8, more than 200 levels
            or 10,000 values count as not valid); 415, another media type; 422, the JSON is not an
            object.
    """
    if not body:
        raise EmptyBody
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415)
    if len(body) - len(body.translate(None, SEPARATORS)) > MAX_VALUES:
        raise Problem(400, f"The request body is not valid JSON: more than {MAX_VALUES} values.")
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, f"The request body is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Problem(422, errors=[{"pointer": "", "detail": "Input should be a JSON object"}])
    return document
