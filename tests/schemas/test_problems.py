"""Problem documents: their content, titles and pointers."""

import json

import pytest
from pydantic import ValidationError

from contract.problems import EmailTaken, InvalidValues, MethodNotAllowed, Problem, UserNotFound
from contract.schemas import UserInput


def test_a_problem_is_a_compact_document() -> None:
    problem = Problem(404, "Nothing here: é.")
    assert (
        problem.body
        == (
            '{"type":"about:blank","title":"Not Found","status":404,"detail":"Nothing here: é."}'
        ).encode()
    )


@pytest.mark.parametrize(
    ("status", "title"),
    [(400, "Bad Request"), (413, "Content Too Large"), (422, "Unprocessable Content")],
)
def test_titles_do_not_change_with_the_python_version(status: int, title: str) -> None:
    assert Problem(status).title == title


def test_a_status_without_its_own_detail_has_its_title() -> None:
    assert Problem(418).detail == "I'm a Teapot."


def test_problems_keep_their_attributes() -> None:
    assert UserNotFound(7).user_id == 7
    assert (UserNotFound(7).status, EmailTaken().status) == (404, 409)
    assert MethodNotAllowed(["PUT", "GET"]).headers == {"Allow": "GET, PUT"}


def test_invalid_values_point_at_each_member() -> None:
    with pytest.raises(ValidationError) as caught:
        UserInput.model_validate({"name": 1})
    errors = json.loads(InvalidValues(caught.value.errors()).body)["errors"]
    assert [error["pointer"] for error in errors] == ["/name", "/email"]


def test_a_pointer_is_escaped() -> None:
    errors = [{"loc": ("body", "a/b~c", 0), "msg": "No"}]
    assert InvalidValues(errors, skip=1).errors == [{"pointer": "/a~1b~0c/0", "detail": "No"}]
