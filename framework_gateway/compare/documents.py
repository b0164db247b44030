"""A comparison as the JSON document of ``/compare``, of a bounded size.

``gateway compare --json`` prints all of it; here a stranger may have asked.
"""

import json
from typing import Any

from framework_gateway.compare.comparer import Comparison
from framework_gateway.compare.differences import Difference
from framework_gateway.compare.messages import Answer, dump

LONGEST_BODY = 64 * 1024  # characters of an answer's body
LONGEST_TEXT = 1000  # characters of anything else
MOST_DIFFERENCES = 500


def render(comparison: Comparison) -> bytes:
    """Write the document; what is too long is cut.

    A body that is cut has ``"truncated": true`` next to it, and ``differences_left_out`` says how
    many differences there are besides those that are listed.
    """
    left_out = len(comparison.differences) - MOST_DIFFERENCES
    document = {
        "identical": comparison.identical,
        "request": cut(comparison.request.as_dict(), LONGEST_TEXT),
        "differences": [show_difference(one) for one in comparison.differences[:MOST_DIFFERENCES]],
        "answers": [show_answer(answer) for answer in comparison.answers],
    }
    if left_out > 0:
        document["differences_left_out"] = left_out
    # JSON writes half of a surrogate pair, which UTF-8 has no bytes for, the same way.
    return dump(document).encode(errors="backslashreplace")


def show_answer(answer: Answer) -> dict[str, Any]:
    """Return what is shown of an answer."""
    document = answer.as_dict()
    headers = [[name, shorten(value)] for name, value in document["headers"]]
    error = answer.error and shorten(answer.error)
    return cut({**document, "headers": headers, "error": error}, LONGEST_BODY)


def show_difference(difference: Difference) -> dict[str, Any]:
    """Return what is shown of a difference."""
    values = {target: presentable(value) for target, value in difference.values.items()}
    return {**difference.as_dict(), "name": shorten(difference.name), "values": values}


def presentable(value: Any) -> Any:
    """Return a value; as text when it is too long, or larger than a number of Python's (1e400)."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return shorten(dump(value))
    return value if len(text) <= LONGEST_TEXT else shorten(text)


def cut(message: dict[str, Any], longest: int) -> dict[str, Any]:
    """Return a request or an answer whose body has at most so many characters."""
    if "path" in message:
        message = {**message, "path": shorten(message["path"])}
    if len(message["body"]) <= longest:
        return message
    # Whole groups of Base64, which have four characters.
    return {**message, "body": message["body"][: longest // 4 * 4], "truncated": True}


def shorten(text: str) -> str:
    """Cut a long text."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
