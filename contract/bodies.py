"""Request bodies: one reading of JSON for the three frameworks.

Their own parsers differ in what they let through (NaN, lone surrogates, deep nesting) and in the
words they refuse the rest with.
"""

from typing import Any

from pydantic_core import from_json

from contract.problems import Problem

# What makes an object of Python's for each few bytes: ten megabytes of it take a second.
SEPARATORS = b",[{"
MAX_VALUES = 10_000


def parse_json_object(content_type: str | None, body: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object in UTF-8 (RFC 8259).

    Raises:
        Problem: 400 no or broken JSON (also NaN, invalid UTF-8, nesting beyond 200 levels, more
            than 10,000 values), 415 another media type, 422 JSON that is no object.
    """
    if not body:
        raise Problem(400, "The request body is empty; send a JSON object.")
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
