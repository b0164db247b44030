"""What is kept of a comparison as an example: enough to repeat it, and no personal values."""

from typing import Any

from framework_gateway.compare.credentials import MASK
from framework_gateway.compare.examples import cut, cut_body, without_defaults
from framework_gateway.compare.findings import Comparison, Difference
from framework_gateway.compare.json_values import dump
from framework_gateway.compare.messages import Request, as_text
from framework_gateway.compare.pointers import Pointers, State
from framework_gateway.compare.redaction import is_secret, redact_headers, without_secrets

MAX_DIFFERENCES = 10
SHOWN = frozenset(["null", "true", "false", ""])
HIDDEN_HEADERS = frozenset(["host", "user-agent", "x-request-id", "gateway-shadow"])


def example_of(comparison: Comparison, show: Pointers) -> dict[str, Any]:
    """Return a comparison as JSON data.

    Secrets are masked, and so is each value of a body: a string becomes its length, a number its
    type. Only what ``show`` matches stays readable.

    Args:
        comparison: the comparison.
        show: places in bodies whose values may be read.
    """
    differences = [*comparison.counting, *comparison.notes][:MAX_DIFFERENCES]
    return {
        "request": request_of(comparison.request, show),
        "answers": {
            answer.target: {"status": answer.status, "failure": answer.failure or None}
            for answer in comparison.answers
        },
        "differences": [
            {
                "place": one.place,
                "kind": str(one.kind),
                "values": {name: cut(value) for name, value in values_of(one, show).items()},
            }
            for one in differences
        ],
    }


def request_of(request: Request, show: Pointers) -> dict[str, Any]:
    """Return a request as a line of a replay file has it."""
    clean = without_secrets(without_defaults(request))
    body = cut_body(clean.body)
    headers = [
        [name, value]
        for name, value in redact_headers(clean.headers)
        if name.lower() not in HIDDEN_HEADERS
    ]
    masked = masked_body(body, show) if body else {}
    return {"method": clean.method, "path": clean.path, "headers": headers, **masked}


def masked_body(body: bytes, show: Pointers) -> dict[str, Any]:
    """Return a body of a request; without places to show, only its size."""
    if show.matches(show.start):
        return as_text(body)
    return {"body_size": len(body)}


def values_of(difference: Difference, show: Pointers) -> dict[str, str]:
    """Return the values of a difference, masked unless they are no part of a body."""
    if difference.part == "status":
        return dict(difference.values)
    if difference.part == "header":
        return {
            target: MASK if is_secret(difference.name) else value
            for target, value in difference.values.items()
        }
    is_shown = bool(show.matches(state_at(show, difference.name)))
    names = difference.name.split("/")
    if is_shown and not any(is_secret(name) for name in names):
        return dict(difference.values)
    return {target: masked(value) for target, value in difference.values.items()}


def state_at(show: Pointers, pointer: str) -> State:
    """Return where the pointers stand at a place."""
    state = show.start
    for step in pointer.split("/")[1:]:
        state = show.step(state, step.replace("~1", "/").replace("~0", "~"))
    return state


def masked(value: str) -> str:
    """Return what may be said of a value without saying it: its type and its length."""
    if value in SHOWN:
        return value
    if value[:1] == '"':
        return f'"{MASK}" ({len(value) - 2} characters)'
    if value[:1] in "{[":
        return f"{value[0]}{MASK}{'}' if value[0] == '{' else ']'} ({len(value)} characters)"
    is_number = value.lstrip("-")[:1].isdigit()
    return f"{MASK} (number)" if is_number else f"{MASK} ({len(value)} characters)"


def size_of(example: dict[str, Any]) -> int:
    """Return how long an example is as JSON, in characters."""
    return len(dump(example))
