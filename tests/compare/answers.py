"""Build answers, and find the differences between them."""

from collections.abc import Sequence
from typing import Any

from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Difference
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.rules import Rules

GET = Request("GET", "/api/users")


def answer(
    target: str,
    body: bytes | str = b"",
    status: int = 200,
    origin: str = "http://localhost",
    **headers: str,
) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(target, f"{origin}/{target}", GET, 0.1, status, fields, data)


def differ(answers: Sequence[Answer], request: Request = GET, **rules: Any) -> list[Difference]:
    """Return the differences that count."""
    found = find_differences(request, answers, Rules.build(**rules)).differences
    return [difference for difference in found if difference.counts]


def bodies(one: str, two: str, **rules: Any) -> list[Difference]:
    return differ([answer("a", one), answer("b", two)], **rules)


def places(found: Sequence[Difference]) -> list[tuple[str, str]]:
    return [(difference.place, difference.kind) for difference in found]
