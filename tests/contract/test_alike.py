"""The same request to all three frameworks gets the same status, body bytes and headers."""

from typing import Any

import pytest

from framework_gateway.compare.plugin import Compare

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CAROL = b'{"name": " Carol \\u00e9", "email": "Carol@Example.com"}'

REQUESTS: list[tuple[str, str, dict[str, object]]] = [
    ("GET", "/api/hello", {}),
    ("GET", "/api/wait?ms=1", {}),
    ("GET", "/api/wait?ms=no", {}),
    ("GET", "/api/users", {}),
    ("GET", "/api/users/", {}),
    ("GET", "/api/users?limit=1", {}),
    ("GET", "/api/users?limit=1&search=EXAMPLE%26x%3D%C3%A9", {}),
    ("GET", "/api/users?limit=1&search=example", {}),
    ("GET", "/api/users?limit=0&after=x&search=%00", {}),
    ("GET", "/api/users?limit=%FF", {}),
    ("GET", "/api/users/1", {}),
    ("GET", "/api/users/99", {}),
    ("GET", "/api/users/nobody", {}),
    ("GET", "/api/users/1", {"body": b"{", "headers": JSON}),
    ("GET", "/nothing", {}),
    ("HEAD", "/api/users?limit=1", {}),
    ("HEAD", "/nothing", {}),
    ("OPTIONS", "/api/users", {}),
    ("OPTIONS", "/api/users/1", {}),
    ("OPTIONS", "/nothing", {}),
    ("TRACE", "/api/users", {}),
    ("DELETE", "/api/users", {}),
    ("DELETE", "/api/users/1", {}),
    ("DELETE", "/api/users/99", {}),
    ("POST", "/api/users/1", {}),
    ("POST", "/api/users", {"body": CAROL, "headers": JSON}),
    ("POST", "/api/users/", {"body": CAROL, "headers": JSON}),
    ("POST", "/api/users", {"body": CAROL, "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/api/users", {"body": CAROL}),
    ("POST", "/api/users", {}),
    ("POST", "/api/users", {"body": b"{", "headers": JSON}),
    ("POST", "/api/users", {"body": b'{"name": NaN}', "headers": JSON}),
    ("POST", "/api/users", {"body": b'{"name": 1}', "headers": JSON}),
    ("POST", "/api/users", {"body": b"[]", "headers": JSON}),
    ("POST", "/api/users", {"body": "name=Carol", "headers": FORM}),
    ("POST", "/api/users", {"json": {"name": "Bob", "email": "BOB@example.com"}}),
    ("POST", "/api/users", {"body": b" " * (10 * 1024 * 1024 + 1), "headers": JSON}),
    ("PUT", "/api/users/2", {"body": CAROL, "headers": JSON}),
    ("PUT", "/api/users/2", {"json": {"name": "x"}}),
    ("PATCH", "/api/users/2", {"json": {"name": "x"}}),
    ("PATCH", "/api/users/2", {"json": {}}),
    ("PATCH", "/api/users/2", {"json": {"email": None}}),
    ("PATCH", "/api/users/2", {"json": {"email": "alice@example.com"}}),
]


@pytest.mark.parametrize(
    ("method", "path", "options"), REQUESTS, ids=[f"{m} {p}" for m, p, _ in REQUESTS]
)
def test_all_three_frameworks_give_the_same_response(
    compare: Compare, method: str, path: str, options: dict[str, Any]
) -> None:
    comparison = compare.assert_equal(method, path, **options)
    assert len(comparison.answers) == 3
