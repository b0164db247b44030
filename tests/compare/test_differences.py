"""What counts as a difference, where it is reported, and what can be ignored."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from framework_gateway.compare.differences import Difference, find_differences
from framework_gateway.compare.messages import Answer, Request

GET = Request("GET", "/api/users")


def answer(target: str, body: bytes | str = b"", status: int = 200, **headers: str) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(target, f"/{target}", "curl", 0.1, status, fields, data)


def compare_bodies(one: str, two: str, ignore: Sequence[str] = ()) -> list[Difference]:
    return find_differences(GET, [answer("a", one), answer("b", two)], ignore=ignore)


def test_equal_answers_do_not_differ() -> None:
    answers = [answer(name, "[1]", content_type="application/json") for name in "abc"]
    assert find_differences(GET, answers) == []


def test_different_statuses_are_a_difference() -> None:
    answers = [answer("a"), answer("b", status=404), answer("c")]
    assert find_differences(GET, answers) == [
        Difference("status", "", {"a": 200, "b": 404, "c": 200})
    ]
    assert find_differences(GET, answers, ignore=["status"]) == []


def test_only_the_contracts_headers_are_compared_by_default() -> None:
    answers = [answer("a", allow="GET", server="x"), answer("b", server="y")]
    assert find_differences(GET, answers) == [Difference("header", "Allow", {"a": "GET"})]
    assert find_differences(GET, answers, ["Server"]) == [
        Difference("header", "Server", {"a": "x", "b": "y"})
    ]
    assert find_differences(GET, answers, ignore=["ALLOW"]) == []


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ("/a/api/users/1", "/b/api/users/1", True),
        ('</a/api/users?after=1>; rel="next"', '</b/api/users?after=1>; rel="next"', True),
        ("http://host/a/x", "http://host/b/x", True),
        ("/a/api/users/1", "/a/api/users/1", False),
        ("/api", "/bpi", False),
    ],
)
def test_each_targets_own_prefix_counts_as_equal(one: str, two: str, equal: bool) -> None:
    found = find_differences(GET, [answer("a", location=one), answer("b", location=two)])
    assert (found == []) == equal


@pytest.mark.parametrize(
    ("one", "two", "pointers"),
    [
        ('{"a":1,"b":2}', '{"a":1,"b":3}', ["/b"]),
        ('{"a":1}', '{"a":1,"b":3}', ["/b"]),
        ('[{"id":1},{"id":2}]', '[{"id":1},{"id":3}]', ["/1/id"]),
        ("[1,2]", "[1]", ["/1"]),
        ('{"a/b":{"m~n":1}}', '{"a/b":{"m~n":2}}', ["/a~1b/m~0n"]),
        ("1", "2", [""]),
        ("1", "1.0", [""]),
        ("true", "1", [""]),
        ("null", "{}", [""]),
        ('{"a":[]}', '{"a":{}}', ["/a"]),
        ('{"a":{"b":1}}', '{"a":{"b":1,"c":{"d":1}}}', ["/a/c"]),
    ],
)
def test_json_is_compared_member_by_member(one: str, two: str, pointers: list[str]) -> None:
    found = compare_bodies(one, two)
    assert [(difference.part, difference.name) for difference in found] == [
        ("body", pointer) for pointer in pointers
    ]


def test_a_difference_shows_the_value_of_each_target() -> None:
    answers = [answer("a", '{"x":[1]}'), answer("b", '{"x":[2]}'), answer("c", '{"x":[]}')]
    assert find_differences(GET, answers) == [Difference("body", "/x/0", {"a": 1, "b": 2})]


@pytest.mark.parametrize(
    ("one", "two"),
    [('{"a":1,"b":2}', '{"b":2,"a":1}'), ("[1,2]", "[1, 2]"), ('"é"', '"\\u00e9"')],
)
def test_equal_json_in_different_bytes_is_a_difference_of_serialisation(one: str, two: str) -> None:
    assert [difference.part for difference in compare_bodies(one, two)] == ["spelling"]
    assert compare_bodies(one, two, ignore=["spelling"]) == []


def test_other_bodies_are_compared_as_bytes() -> None:
    (difference,) = compare_bodies("x" * 100 + "one", "x" * 100 + "two")
    assert (difference.part, difference.name) == ("body", "")
    assert {name: value[-3:] for name, value in difference.values.items()} == {
        "a": "one",
        "b": "two",
    }
    (difference,) = find_differences(GET, [answer("a", b"\xff\xfe"), answer("b", b"\xff")])
    assert difference.part == "body"


@pytest.mark.parametrize(
    ("pointer", "left"),
    [
        ("/0/id", ["/1/id"]),
        ("/*/id", []),
        ("/*", []),
        ("/*/i", ["/0/id", "/1/id"]),
        ("/*/id/x", ["/0/id", "/1/id"]),
    ],
)
def test_json_pointers_can_be_ignored(pointer: str, left: list[str]) -> None:
    found = compare_bodies('[{"id":1},{"id":2}]', '[{"id":3},{"id":4}]', [pointer])
    assert [difference.name for difference in found] == left


def test_ignoring_a_member_also_ignores_content_length() -> None:
    answers = [
        answer("a", '{"id":9}', content_length="8"),
        answer("b", '{"id":10}', content_length="9"),
    ]
    assert find_differences(GET, answers, ignore=["/id"]) == []
    assert [found.part for found in find_differences(GET, answers)] == ["header", "body"]


def test_target_names_from_the_request_count_as_equal() -> None:
    request = Request.build("POST", "/users", json={"email": "x@{framework}.example"})

    def created(name: str, email: str) -> Answer:
        body = json.dumps({"email": email})
        return answer(name, body, content_length=str(len(body)))

    def parts(*emails: str) -> list[Any]:
        answers = [created(n, e) for n, e in zip(("flask", "fastapi"), emails, strict=True)]
        return [(found.part, found.name) for found in find_differences(request, answers)]

    assert parts("x@flask.example", "x@fastapi.example") == []
    assert ("body", "/email") in parts("x@fastapi.example", "x@flask.example")
    assert ("body", "/email") in parts("flask", "fastapi")


def test_a_target_without_a_response_is_left_out() -> None:
    gone = Answer("c", "/c", "curl", 1.0, error="no answer")
    assert find_differences(GET, [answer("a", "[]"), answer("b", "[]"), gone]) == []


def test_a_difference_is_written_in_one_line() -> None:
    difference = Difference("body", "/name", {"old": "Alice", "new": "x" * 100})
    assert str(difference) == f'body /name: old "Alice", new "{"x" * 58}…'


def test_long_words_are_read_once() -> None:
    """Read once for each letter, this word would take hours and block the gateway."""
    assert Request("POST", "/users", body=b"a" * 2_000_000).placeholders == []


def test_the_number_of_words_taken_from_a_request_is_limited() -> None:
    words = " ".join(f"{number}@{{framework}}" for number in range(1000, 9000))
    assert len(Request("POST", "/users", body=words.encode()).placeholders) == 20


def test_long_names_are_not_repeated_in_every_difference() -> None:
    key = "k" * 15_000
    bodies = [json.dumps({key: [letter * 3] * 1000}).encode() for letter in "ab"]
    answers = [
        Answer(target=name, prefix="", curl="", seconds=0, status=200, body=body)
        for name, body in zip("ab", bodies, strict=True)
    ]
    found = find_differences(Request("GET", "/"), answers, ["Content-Type"], [])
    assert len(found) == 1000
    assert {len(one.name) for one in found} <= {*range(1000, 1010)}
    assert found[7].values == {"a": "aaa", "b": "bbb"}
    ignored = find_differences(Request("GET", "/"), answers, ["Content-Type"], [f"/{key}/7"])
    assert len(ignored) == 999
