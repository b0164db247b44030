"""Examples of differences: how small one is, and what is kept of it."""

from dataclasses import replace

from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.messages import DEFAULTS, Request

# What an example keeps.
LARGEST_BODY = 16 * 1024  # bytes
LONGEST_VALUE = 4 * 1024  # characters
MAX_DIFFERENCES = 50


def weight(comparison: Comparison) -> int:
    """Return how long the request and the answers of an example are, in characters."""
    request = without_defaults(comparison.request)
    size = len(request.path) + len(request.body) + sum(len(k) + len(v) for k, v in request.headers)
    return size * 1000 + min(999, sum(len(answer.body) for answer in comparison.answers))


def trimmed(comparison: Comparison) -> Comparison:
    """Return a comparison whose size is bounded, to keep as an example."""
    differences = [
        replace(one, values={k: cut(v) for k, v in one.values.items()})
        for one in comparison.differences[:MAX_DIFFERENCES]
    ]
    answers = [replace(one, body=cut_body(one.body)) for one in comparison.answers]
    request = without_defaults(comparison.request)
    return replace(comparison, request=request, differences=differences, answers=answers)


def without_defaults(request: Request) -> Request:
    """Return a request without the headers that each comparison adds."""
    headers = tuple(
        (name, value)
        for name, value in request.headers
        if name.lower() != "x-request-id" and (name, value) not in DEFAULTS
    )
    return replace(request, headers=headers)


def cut_body(body: bytes) -> bytes:
    """Return a body that is not longer than an example keeps; the end says what is left out."""
    if len(body) <= LARGEST_BODY:
        return body
    return body[:LARGEST_BODY] + f"… ({len(body) - LARGEST_BODY} more bytes)".encode()


def cut(value: str) -> str:
    """Return a value that is not longer than an example keeps."""
    if len(value) <= LONGEST_VALUE:
        return value
    return f"{value[:LONGEST_VALUE]}… ({len(value) - LONGEST_VALUE} more characters)"
