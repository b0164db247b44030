"""The same request to all three: status, body bytes and the contract's headers are equal."""

import pytest

from tests.conftest import Api

HEADERS = ("Content-Type", "Content-Length", "Allow", "Location", "Link", "Retry-After")
JSON = {"Content-Type": "application/json"}
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
    ("GET", "/api/users/1", {"content": b"{", "headers": JSON}),
    ("GET", "/", {}),
    ("GET", "", {}),
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
    ("POST", "/api/users", {"content": CAROL, "headers": JSON}),
    ("POST", "/api/users/", {"content": CAROL, "headers": JSON}),
    ("POST", "/api/users", {"content": CAROL, "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/api/users", {"content": CAROL}),
    ("POST", "/api/users", {}),
    ("POST", "/api/users", {"content": b"{", "headers": JSON}),
    ("POST", "/api/users", {"content": b'{"name": NaN}', "headers": JSON}),
    ("POST", "/api/users", {"content": b'{"name": 1}', "headers": JSON}),
    ("POST", "/api/users", {"content": b"[]", "headers": JSON}),
    ("POST", "/api/users", {"data": {"name": "Carol"}}),
    ("POST", "/api/users", {"json": {"name": "Bob", "email": "BOB@example.com"}}),
    ("POST", "/api/users", {"content": b" " * (10 * 1024 * 1024 + 1), "headers": JSON}),
    ("PUT", "/api/users/2", {"content": CAROL, "headers": JSON}),
    ("PUT", "/api/users/2", {"json": {"name": "x"}}),
    ("PATCH", "/api/users/2", {"json": {"name": "x"}}),
    ("PATCH", "/api/users/2", {"json": {}}),
    ("PATCH", "/api/users/2", {"json": {"email": None}}),
    ("PATCH", "/api/users/2", {"json": {"email": "alice@example.com"}}),
]


@pytest.mark.parametrize(
    ("method", "path", "options"), REQUESTS, ids=[f"{m} {p}" for m, p, _ in REQUESTS]
)
def test_the_three_answer_alike(
    apis: list[Api], method: str, path: str, options: dict[str, object]
) -> None:
    answers = []
    for api in apis:
        api.reset()
        response = api(method, path, **options)
        headers = {
            name: response.headers.get(name, "-").replace(api.prefix, "") for name in HEADERS
        }
        answers.append((response.status_code, response.content, headers))
    assert answers[0] == answers[1] == answers[2]
