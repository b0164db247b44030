"""``/compare/<path>``: the comparison as one JSON document."""

import json
from functools import partial
from typing import Any

import pytest
from starlette.testclient import TestClient

from framework_gateway.compare.messages import Request
from framework_gateway.compare.targets import Application
from tests.compare import applications
from tests.compare.test_addresses import REFUSED, TAKEN
from tests.conftest import FRAMEWORKS, assert_problem
from tests.test_identity import log_in


@pytest.fixture
def own() -> TestClient:
    """A gateway with its own applications, one of which differs on purpose."""
    from gateway import create_app

    mounts = {"/old": applications.main, "/new/api": applications.changed}
    app = create_app(applications=mounts)
    return TestClient(app, "http://127.0.0.1", raise_server_exceptions=False)


def ask(client: TestClient, method: str, path: str, **options: Any) -> dict[str, Any]:
    response = client.request(method, f"/compare{path}", **options)
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = response.json()
    return document


def test_the_document_begins_with_the_verdict(gateway: TestClient) -> None:
    document = ask(gateway, "GET", "/api/users/1")
    assert next(iter(document)) == "identical"
    assert document["identical"] is True
    assert document["verdict"] == "equal"
    assert [found for found in document["differences"] if found["counts"]] == []
    assert document["scope"]["compared"] == ["Content-Type", "Content-Length"]
    assert document["scope"]["body"] == "every byte"
    assert document["summary"].startswith(
        "Identical: status; Content-Type, Content-Length; every byte of the body."
    )
    assert document["request"] == {
        "method": "GET",
        "path": "/api/users/1",
        "body": "",
        "encoding": "utf-8",
    }
    for name, answer in zip(FRAMEWORKS, document["answers"], strict=True):
        assert answer["target"] == name
        assert answer["status"] == 200
        assert answer["body"] == '{"id":1,"name":"Alice","email":"alice@example.com"}'
        assert answer["size"] == 51
        assert ["content-type", "application/json"] in [
            [field.lower(), value] for field, value in answer["headers"]
        ]
        assert answer["error"] is None
        assert (answer["waiting"] is None) == (name == "fastapi")
        assert answer["curl"] == f"curl --include http://127.0.0.1/{name}/api/users/1"


def test_method_query_headers_and_body_are_passed_on(own: TestClient) -> None:
    document = ask(own, "POST", "/echo?x=%2F&y=1", content="{framework}")
    assert [answer["body"] for answer in document["answers"]] == [
        "POST /old/echo old",
        "POST /new/api/echo new/api",
    ]
    echoed = ask(own, "POST", "/echo", headers={"Compare-Method": "put"}, content="é")
    assert echoed["request"]["method"] == "PUT"
    assert echoed["answers"][0]["body"] == "PUT /old/echo é"


def test_a_post_creates_one_user_in_each(gateway: TestClient) -> None:
    user = {"name": "Carol", "email": "carol@{framework}.example"}
    document = ask(
        gateway, "POST", "/api/users", json=user, headers={"Compare-Ignore": "/id, Location"}
    )
    assert document["identical"] is True
    assert [answer["status"] for answer in document["answers"]] == [201, 201, 201]
    emails = {user["email"] for user in gateway.get("/flask/api/users").json()[2:]}
    assert emails == {f"carol@{name}.example" for name in FRAMEWORKS}
    again = ask(gateway, "POST", "/api/users", json=user)
    assert [answer["status"] for answer in again["answers"]] == [409, 409, 409]


def test_ids_that_are_not_ignored_are_differences(gateway: TestClient) -> None:
    user = {"name": "Carol", "email": "carol@{framework}.example"}
    document = ask(gateway, "POST", "/api/users", json=user, headers={"Compare-Order": "in-turn"})
    assert document["identical"] is False
    found = {one["name"]: one["values"] for one in document["differences"] if one["counts"]}
    assert found == {
        "Location": {n: f"/{n}/api/users/{i}" for i, n in enumerate(FRAMEWORKS, 3)},
        "/id": {n: str(i) for i, n in enumerate(FRAMEWORKS, 3)},
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Compare-Ignore": "{/(a+)+b/}"},
        {"Compare-Ignore": "{hour}"},
        {"Compare-Ignore": "/**/**/**/**/**"},
        {"Compare-Headers": "all, contract"},
        {"Compare-Headers": "X" * 5000},
    ],
    ids=str,
)
def test_an_invalid_rule_is_refused(gateway: TestClient, headers: dict[str, str]) -> None:
    assert_problem(gateway.get("/compare/api/users", headers=headers), 400)


def test_the_headers_that_count_can_be_chosen(gateway: TestClient) -> None:
    document = ask(gateway, "GET", "/api/users", headers={"Compare-Headers": "all"})
    assert "X-Frame-Options" in {one["name"] for one in document["differences"] if one["counts"]}
    assert "contract" not in document["scope"]["headers"]


def test_error_responses_are_compared(gateway: TestClient) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/api/users", 405)):
        document = ask(gateway, method, path)
        assert document["identical"] is True
        assert {answer["status"] for answer in document["answers"]} == {status}


def call(client: TestClient, path: str, method: str = "GET") -> tuple[int, Any]:
    """Send the path unchanged; a client library would normalise it."""
    ask = Application("gateway", client.app).answer
    assert client.portal is not None
    answer = client.portal.call(partial(ask, Request(method, path), 1_000_000))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", REFUSED)
def test_an_ambiguous_path_is_refused(gateway: TestClient, path: str, method: str) -> None:
    status, document = call(gateway, f"/compare{path}", method)
    # Without a slash of its own, it is not below /compare/.
    assert status == document["status"] == (400 if path.startswith("/") else 404)


@pytest.mark.parametrize("path", TAKEN)
def test_an_unusual_but_unambiguous_path_is_compared(gateway: TestClient, path: str) -> None:
    status, document = call(gateway, f"/compare{path}")
    assert status == 200
    assert document["request"]["path"] == path


@pytest.mark.parametrize("path", ["/{framework}", "/.{framework}/x", "/a/%7bframework%7D;/x"])
def test_dot_segments_from_a_target_name_are_refused(path: str) -> None:
    from gateway import create_app

    mounts = {"/.": applications.main, "/new": applications.main}
    with TestClient(create_app(applications=mounts), "http://127.0.0.1") as client:
        assert call(client, f"/compare{path}")[0] == 400


def test_the_placeholder_can_be_percent_encoded(own: TestClient) -> None:
    with own:
        for spelling in ("{framework}", "%7Bframework%7D", "%7bframework%7d"):
            status, document = call(own, f"/compare/echo/{spelling}?x={spelling}")
            assert status == 200
            assert document["request"]["path"] == "/echo/{framework}?x={framework}"
            for name, answer in zip(("old", "new/api"), document["answers"], strict=True):
                assert answer["curl"].endswith(f"/echo/{name}?x={name}'")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("meant", ["DELETE", "post", "PURGE"])
def test_a_safe_request_never_becomes_an_unsafe_one(
    gateway: TestClient, method: str, meant: str
) -> None:
    response = gateway.request(
        method, "/compare/api/users/1", headers={"Compare-Method": meant}, content=b"{}"
    )
    assert response.status_code == 400
    assert gateway.get("/flask/api/users/1").status_code == 200


@pytest.mark.parametrize("meant", ["GET", "HEAD", "OPTIONS"])
def test_a_safe_method_needs_no_unsafe_request(gateway: TestClient, meant: str) -> None:
    for method in ("GET", "OPTIONS"):
        document = ask(
            gateway, method, "/api/hello", headers={"Compare-Method": meant}, content=b"{}"
        )
        assert document["request"]["method"] == meant
        assert document["request"]["body"] == "{}"


ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://127.0.0.1"},
    {"Origin": "http://127.0.0.1:81"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_site_cannot_send_an_unsafe_request(
    gateway: TestClient, method: str, headers: dict[str, str]
) -> None:
    csrf = log_in(gateway)
    for own in ({}, csrf):
        given = {**own, **headers, "Compare-Method": "DELETE"}
        response = gateway.request(method, "/compare/api/users/1", headers=given)
        assert_problem(response, 403)
    assert gateway.get("/flask/api/users/1").status_code == 200


def test_another_site_can_send_a_safe_request(gateway: TestClient) -> None:
    for headers in ELSEWHERE:
        ask(gateway, "GET", "/api/users", headers=headers)


@pytest.mark.parametrize("path", ["/comp%61re/api/users", "/%63ompare/api/users", "/compare%2Fapi"])
def test_other_spellings_of_compare_are_not_the_endpoint(gateway: TestClient, path: str) -> None:
    status, _ = call(gateway, path)
    assert status == 404


@pytest.mark.parametrize("path", ["/compare", "/comparer/api/users"])
def test_other_paths_are_unknown(gateway: TestClient, path: str) -> None:
    assert_problem(gateway.get(path), 404)


def test_a_body_over_the_limit_is_refused(gateway: TestClient) -> None:
    assert_problem(gateway.post("/compare/api/users", content=b" " * (10 * 1024 * 1024 + 1)), 413)


@pytest.mark.parametrize("host", ["[", "a b", "a/b"])
def test_a_malformed_host_is_refused(gateway: TestClient, host: str) -> None:
    assert_problem(gateway.get("/compare/api/users", headers={"Host": host}), 400)


def test_a_failing_application_is_reported(own: TestClient) -> None:
    document = ask(own, "GET", "/fail")
    assert {answer["status"] for answer in document["answers"]} == {500}
    assert json.dumps(document).count("out of order") == 0


def test_an_outer_root_path_is_kept(gateway: TestClient) -> None:
    client = TestClient(gateway.app, "http://127.0.0.1", root_path="/outer")
    document = client.get("/outer/compare/api/users?limit=1").json()
    assert document["identical"] is True
    for answer in document["answers"]:
        (link,) = [value for name, value in answer["headers"] if name.lower() == "link"]
        assert link.startswith(f"</outer/{answer['target']}/api/users?")
        assert f"http://127.0.0.1/outer/{answer['target']}/api/users" in answer["curl"]
