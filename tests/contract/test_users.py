"""The users resource: every row of the contract, in each framework."""

from datetime import UTC, datetime

import pytest

from tests.conftest import Api, assert_problem

ALICE = {"id": 1, "name": "Alice", "email": "alice@example.com"}
BOB = {"id": 2, "name": "Bob", "email": "bob@example.com"}
CAROL = {"name": "Carol", "email": "carol@example.com"}
FIRST_FREE_ID = 3


def test_the_list_has_the_articles_users_as_compact_json(api: Api) -> None:
    response = api.get("/api/users")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == (
        b'[{"id":1,"name":"Alice","email":"alice@example.com"},'
        b'{"id":2,"name":"Bob","email":"bob@example.com"}]'
    )
    assert "Link" not in response.headers


def test_a_user_is_created_at_its_location(api: Api) -> None:
    response = api.post("/api/users", json=CAROL)
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Location"] == f"{api.prefix}/api/users/{FIRST_FREE_ID}"
    assert response.content == b'{"id":3,"name":"Carol","email":"carol@example.com"}'
    assert api.client.get(response.headers["Location"]).content == response.content


def test_an_id_in_the_body_is_ignored(api: Api) -> None:
    response = api.post("/api/users", json={"id": 1, **CAROL})
    assert response.status_code == 201
    assert response.json() == {"id": FIRST_FREE_ID, **CAROL}


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/1"), ("PATCH", "/1")])
def test_unknown_members_are_ignored(api: Api, method: str, path: str) -> None:
    response = api(method, f"/api/users{path}", json={**CAROL, "role": "admin", "tags": [1]})
    assert response.is_success
    assert list(response.json()) == ["id", "name", "email"]


def test_non_ascii_letters_are_not_escaped(api: Api) -> None:
    response = api.post("/api/users", json={**CAROL, "name": "Zoë 名前 🦊\u2028x"})
    assert response.content.startswith('{"id":3,"name":"Zoë 名前 🦊\u2028x",'.encode())


def test_the_creation_time_is_stored(api: Api) -> None:
    from django_app.models import User

    before = datetime.now(UTC).replace(microsecond=0)
    api.post("/api/users", json=CAROL)
    assert before <= User.objects.get(id=FIRST_FREE_ID).created_at <= datetime.now(UTC)


def test_a_user_is_read(api: Api) -> None:
    response = api.get("/api/users/1")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == b'{"id":1,"name":"Alice","email":"alice@example.com"}'


def test_a_user_is_replaced(api: Api) -> None:
    response = api("PUT", "/api/users/2", json=CAROL)
    assert response.status_code == 200
    assert response.json() == {"id": 2, **CAROL} == api.get("/api/users/2").json()


@pytest.mark.parametrize("missing", ["name", "email"])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/1")])
def test_both_fields_are_required(api: Api, method: str, path: str, missing: str) -> None:
    body = {key: value for key, value in CAROL.items() if key != missing}
    response = api(method, f"/api/users{path}", json=body)
    errors = [{"pointer": f"/{missing}", "detail": "Field required"}]
    assert_problem(response, 422, errors=errors)


@pytest.mark.parametrize(
    "changes",
    [{"name": "Al"}, {"email": "al@example.com"}, {"name": "Al", "email": "al@example.com"}, {}],
)
def test_any_subset_of_the_fields_can_be_changed(api: Api, changes: dict[str, str]) -> None:
    response = api("PATCH", "/api/users/1", json=changes)
    assert response.status_code == 200
    assert response.json() == {**ALICE, **changes} == api.get("/api/users/1").json()


@pytest.mark.parametrize("field", ["name", "email"])
def test_an_explicit_null_is_refused(api: Api, field: str) -> None:
    problem = assert_problem(api("PATCH", "/api/users/1", json={field: None}), 422)
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]
    assert api.get("/api/users/1").json() == ALICE


def test_a_user_is_deleted(api: Api) -> None:
    response = api("DELETE", "/api/users/1")
    assert response.status_code == 204
    assert response.content == b""
    assert not {"content-type", "content-length"} & set(response.headers)
    assert api.get("/api/users").json() == [BOB]
    assert_problem(api("DELETE", "/api/users/1"), 404)


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", None), ("PUT", CAROL), ("PATCH", CAROL), ("PATCH", {}), ("DELETE", None)],
)
@pytest.mark.parametrize("user_id", [3, 2**63 - 1])
def test_a_user_that_does_not_exist_is_not_found(
    api: Api, method: str, body: dict[str, str] | None, user_id: int
) -> None:
    response = api(method, f"/api/users/{user_id}", **({} if body is None else {"json": body}))
    assert_problem(response, 404, detail=f"There is no user with the id {user_id}.")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "user_id", ["0", "-1", "+1", "01", "1.0", "1e3", "abc", "9223372036854775808", "9" * 40, "٣"]
)
def test_an_invalid_id_is_not_found(api: Api, method: str, user_id: str) -> None:
    response = api(method, f"/api/users/{user_id}")
    assert_problem(response, 404, detail="Nothing is served at this path.")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/1"), ("PATCH", "/1")])
def test_an_email_is_unique_in_any_case(api: Api, method: str, path: str) -> None:
    response = api(method, f"/api/users{path}", json={**CAROL, "email": "BOB@Example.com"})
    assert_problem(response, 409, detail="Another user has this email address.")
    assert api.get("/api/users").json() == [ALICE, BOB]


def test_a_user_can_keep_its_email(api: Api) -> None:
    response = api("PUT", "/api/users/1", json={**ALICE, "name": "Alicia"})
    assert response.json() == {**ALICE, "name": "Alicia"}
