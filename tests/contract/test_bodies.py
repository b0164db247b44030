"""Bodies that are not JSON, not an object, too large, or of another media type."""

import json

import pytest

from tests.conftest import Api, assert_problem

WRITES = [("POST", "/api/users"), ("PUT", "/api/users/1"), ("PATCH", "/api/users/1")]
JSON = {"Content-Type": "application/json"}
LIMIT = 10 * 1024 * 1024


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'name': 'Carol'}",
        b'{"name": "Carol",}',
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": -Infinity}',
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\x00b"}',
        b'\xef\xbb\xbf{"name": "Carol"}',
        b'{"id": ' + b"9" * 10_000 + b"}",
        b'{"name": "Carol"} {}',
        '{"name": "Carol"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":[' + b"[]," * 10_000 + b"1]}",
    ],
    ids=range(17),
)
def test_a_body_that_is_not_json_is_refused(api: Api, method: str, path: str, body: bytes) -> None:
    problem = assert_problem(api(method, path, content=body, headers=JSON), 400)
    assert problem["detail"].startswith("The request body is not valid JSON: ")


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("headers", [{}, JSON, {"Content-Type": "text/plain"}])
def test_an_empty_body_is_refused(
    api: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    response = api(method, path, content=b"", headers=headers)
    assert_problem(response, 400, detail="The request body is empty; send a JSON object.")


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("body", ["[]", "null", "1", '"Carol"', "true"])
def test_json_that_is_not_an_object_is_refused(api: Api, method: str, path: str, body: str) -> None:
    response = api(method, path, content=body, headers=JSON)
    assert_problem(
        response, 422, errors=[{"pointer": "", "detail": "Input should be a JSON object"}]
    )


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "media_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"],
)
def test_a_body_of_another_media_type_is_refused(
    api: Api, method: str, path: str, media_type: str | None
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    body = b'{"name": "Carol", "email": "carol@example.com"}'
    assert_problem(api(method, path, content=body, headers=headers), 415)


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON ;x"])
def test_parameters_of_the_media_type_are_ignored(api: Api, media_type: str) -> None:
    body = '{"name": "Zoë", "email": "zoe@example.com"}'.encode()
    response = api.post("/api/users", content=body, headers={"Content-Type": media_type})
    assert response.status_code == 201
    assert response.json()["name"] == "Zoë"


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_over_the_limit_is_refused(api: Api, method: str, path: str) -> None:
    assert_problem(api(method, path, content=b" " * (LIMIT + 1), headers=JSON), 413)


def test_a_body_at_the_limit_is_accepted(api: Api) -> None:
    body = json.dumps({"name": "Carol", "email": "carol@example.com"}).encode()
    padded = body + b" " * (LIMIT - len(body))
    assert api.post("/api/users", content=padded, headers=JSON).status_code == 201


def test_the_last_of_two_members_with_the_same_name_counts(api: Api) -> None:
    body = b'{"name": "Carol", "name": "Dave", "email": "dave@example.com"}'
    assert api.post("/api/users", content=body, headers=JSON).json()["name"] == "Dave"


def test_a_refused_body_changes_nothing(api: Api) -> None:
    before = api.get("/api/users").content
    for method, path in WRITES:
        api(method, path, content=b'{"name": "X", "email": 1}', headers=JSON)
    assert api.get("/api/users").content == before


def test_an_invalid_body_is_reported_before_a_missing_user(api: Api) -> None:
    assert_problem(api("PUT", "/api/users/99", json={}), 422)
