"""Render a comparison as the JSON document of ``/compare``, with a limited size.

``gateway compare --json`` prints everything; ``/compare`` may serve untrusted clients.
"""

import hashlib
from typing import Any

from framework_gateway.compare.findings import Comparison, Difference
from framework_gateway.compare.json_values import dump
from framework_gateway.compare.messages import Answer

LONGEST_BODY = 64 * 1024  # characters of an answer's body
LONGEST_TEXT = 1000  # characters of anything else
MAX_DIFFERENCES = 500
MAX_HEADERS = 200  # names of headers in a list


def render(comparison: Comparison) -> bytes:
    """Return the document; long texts are cut.

    An answer with a cut body has ``"truncated": true``, and a binary one has the digest ``sha256``.
    ``differences_left_out`` is the number of differences that are not listed.
    """
    answers = [show_answer(answer) for answer in comparison.answers]
    return encode({**result(comparison), "answers": answers})


def answer_line(answer: Answer) -> bytes:
    """Return one answer as a JSON line."""
    return encode({"answer": show_answer(answer)}) + b"\n"


def result_line(comparison: Comparison) -> bytes:
    """Return the document without its answers as a JSON line."""
    return encode({"comparison": result(comparison)}) + b"\n"


def encode(document: dict[str, Any]) -> bytes:
    """Return JSON data in UTF-8."""
    # UTF-8 cannot encode half a surrogate pair; backslashreplace gives the JSON escape.
    return dump(document).encode(errors="backslashreplace")


def result(comparison: Comparison) -> dict[str, Any]:
    """Return the request, the verdict and the differences."""
    left_out = len(comparison.differences) - MAX_DIFFERENCES
    document = {
        **overview(comparison),
        "request": truncate(comparison.request.as_dict(), LONGEST_TEXT),
        "differences": [*map(show_difference, comparison.differences[:MAX_DIFFERENCES])],
    }
    if left_out > 0:
        document["differences_left_out"] = left_out
    return document


def overview(comparison: Comparison) -> dict[str, Any]:
    """Return the result and what was looked at, with long texts and lists cut."""
    scope = {
        name: value if isinstance(value, str) else [*map(shorten, value[:MAX_HEADERS])]
        for name, value in comparison.scope.as_dict().items()
    }
    document = {**comparison.overview(), "scope": scope}
    return {
        **document,
        "summary": shorten(document["summary"]),
        "error": comparison.error and shorten(comparison.error),
    }


def show_answer(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON data, with long texts cut."""
    document = answer.as_dict()
    headers = [[name, shorten(value)] for name, value in document["headers"]]
    error = answer.error and shorten(answer.error)
    document = {**document, "headers": headers, "error": error}
    if document["encoding"] == "base64":
        document["sha256"] = hashlib.sha256(answer.body).hexdigest()
    return truncate(document, LONGEST_BODY)


def show_difference(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON data, with long texts cut."""
    values = {target: shorten(value) for target, value in difference.values.items()}
    return {**difference.as_dict(), "name": shorten(difference.name), "values": values}


def truncate(message: dict[str, Any], longest: int) -> dict[str, Any]:
    """Cut the body of a request or an answer to ``longest`` characters, and a long path."""
    if "path" in message:
        message = {**message, "path": shorten(message["path"])}
    if len(message["body"]) <= longest:
        return message
    # Keep whole Base64 groups of four characters.
    return {**message, "body": message["body"][: longest // 4 * 4], "truncated": True}


def shorten(text: str) -> str:
    """Cut a long text."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
