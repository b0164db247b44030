"""Requests from a file, and their routes."""

import json

import pytest

from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import ReplayError, read_requests, route_of


def test_each_line_is_a_request() -> None:
    lines = [
        '{"path": "/api/users"}',
        "",
        '{"method": "post", "path": "/a?b=c", "body": {"é": [1]}, "headers": {"X": "y"}}',
        '{"method": "PUT", "path": "", "body": "as it is", "save": {"id": "/id"}}',
    ]
    get, post, put = read_requests(lines)
    assert get == Request("GET", "/api/users")
    assert (post.method, json.loads(post.body)) == ("POST", {"é": [1]})
    assert dict(post.headers) == {"Content-Type": "application/json", "X": "y"}
    assert put == Request("PUT", "", body=b"as it is", save={"id": "/id"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: Invalid JSON"),
        ("[]", "line 2: Input should be an object"),
        ("{}", "line 2: path Field required"),
        ('{"path": "users"}', "line 2: path String should match"),
        ('{"path": "/", "method": "GET /"}', "line 2: method String should match"),
        ('{"path": "/", "bdoy": 1}', "line 2: bdoy Extra inputs are not permitted"),
    ],
)
def test_an_invalid_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(ReplayError) as caught:
        read_requests(['{"path": "/"}', line])
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/users/12?x=1", "GET /api/users/{id}"),
        ("/api/users/12/posts/7", "GET /api/users/{id}/posts/{id}"),
        ("/f/123e4567-e89b-12d3-a456-426614174000", "GET /f/{id}"),
        ("/v1/users", "GET /v1/users"),
        ("", "GET "),
    ],
)
def test_a_path_is_counted_under_its_route(path: str, route: str) -> None:
    assert route_of(Request("GET", path)) == route


def test_a_body_is_sent_as_it_is_spelled() -> None:
    body = '{"n":9007199254740993,"a":1.0,"b":1e400,"c":-0,"twice":1,"twice":2}'
    (request,) = read_requests([f'{{"path": "/", "method": "POST", "body": {body}}}'])
    assert request.body.decode() == body


@pytest.mark.parametrize("text", ["x", "☃", "_w=="])
def test_a_wrong_encoding_is_refused(text: str) -> None:
    with pytest.raises(ReplayError, match="line 1: body: "):
        read_requests([json.dumps({"path": "/", "body": text, "encoding": "base64"})])
