"""The rules for names and email addresses, in each framework."""

import pytest

from tests.conftest import Api, assert_problem

CAROL = {"name": "Carol", "email": "carol@example.com"}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("x", "x"),
        ("  Carol\t\n", "Carol"),
        ("\u3000 Carol \u00a0", "Carol"),
        ("n" * 100, "n" * 100),
        (" " + "🦊" * 100 + " ", "🦊" * 100),
        ("Robert'); DROP TABLE users;--", "Robert'); DROP TABLE users;--"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_name_is_trimmed(api: Api, sent: str, stored: str) -> None:
    response = api.post("/api/users", json={**CAROL, "name": sent})
    assert response.status_code == 201
    assert api.get("/api/users/3").json()["name"] == stored


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("", "String should have at least 1 character"),
        (" \t ", "String should have at least 1 character"),
        ("n" * 101, "String should have at most 100 characters"),
        (" " * 1000 + "n", "String should have at most 100 characters"),
        ("a\x00b", "Control characters are not allowed"),
        ("a\x1fb", "Control characters are not allowed"),
        ("a\x7fb", "Control characters are not allowed"),
        ("a\x85b", "Control characters are not allowed"),
        ("a\nb", "Control characters are not allowed"),
        (7, "Input should be a valid string"),
        (True, "Input should be a valid string"),
        (None, "Input should be a valid string"),
        (["Carol"], "Input should be a valid string"),
        ({"first": "Carol"}, "Input should be a valid string"),
    ],
)
def test_an_invalid_name_is_refused(api: Api, name: object, detail: str) -> None:
    response = api.post("/api/users", json={**CAROL, "name": name})
    assert_problem(response, 422, errors=[{"pointer": "/name", "detail": detail}])


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Carol@Example.COM", "carol@example.com"),
        ("carol+tag@sub.example.org", "carol+tag@sub.example.org"),
        ("JÖRG@example.com", "jörg@example.com"),
        ("c@" + ".".join(["d" * 60] * 4) + ".example", None),
    ],
)
def test_an_email_is_stored_in_lower_case(api: Api, sent: str, stored: str | None) -> None:
    response = api.post("/api/users", json={**CAROL, "email": sent})
    assert response.status_code == 201
    assert response.json()["email"] == (stored or sent.lower())


@pytest.mark.parametrize(
    "email",
    [
        "",
        "carol",
        "carol@",
        "@example.com",
        "carol@example",
        "carol@example..com",
        "carol@@example.com",
        " carol@example.com",
        "carol@example.com\n",
        "car ol@example.com",
        "Carol <carol@example.com>",
        "carol\x00@example.com",
        "c" * 65 + "@example.com",
        "c@" + ".".join(["d" * 61] * 4) + ".example.com",
        7,
        None,
        ["carol@example.com"],
    ],
)
def test_an_invalid_email_is_refused(api: Api, email: object) -> None:
    problem = assert_problem(api.post("/api/users", json={**CAROL, "email": email}), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/email"]


def test_a_long_email_is_refused_for_its_length(api: Api) -> None:
    for email in ("@" * 255, "c@example.com" + "." * 300_000):
        problem = assert_problem(api.post("/api/users", json={**CAROL, "email": email}), 422)
        detail = "Email addresses have at most 254 characters"
        assert problem["errors"] == [{"pointer": "/email", "detail": detail}]


def test_every_invalid_value_is_named(api: Api) -> None:
    problem = assert_problem(api.post("/api/users", json={"name": "", "email": "?"}), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/name", "/email"]
