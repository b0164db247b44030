"""What names a target is neutral in its answers."""

import json
from urllib.parse import quote

import pytest

from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Kind, Use
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.rules import Rules
from tests.compare.answers import GET, answer, bodies, differ, places


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ("/a/api/users/1", "/b/api/users/1", True),
        ('</a/api/users?after=1>; rel="next"', '</b/api/users?after=1>; rel="next"', True),
        ("http://host/a/x", "http://host/b/x", True),
        ("/a/api/users/1", "/a/api/users/1", False),
        ("/a-b/x", "/b-b/x", False),
        ("/api", "/bpi", False),
    ],
)
def test_each_targets_own_prefix_counts_as_equal(one: str, two: str, equal: bool) -> None:
    found = differ([answer("a", location=one), answer("b", location=two)])
    assert (found == []) == equal


ORIGINS = ("http://127.0.0.1:8001", "https://shop.example")


@pytest.mark.parametrize(
    "text",
    [
        "{}/x",
        '<a href="{}/x">shop</a>',
        "see {}.",
        "//{host}/x",
        "sent by {host}",
        "/login?next={quoted}%2Fx",
    ],
)
def test_each_targets_own_origin_counts_as_equal(text: str) -> None:
    answers = [
        answer(
            name,
            json.dumps([text.format(o, host=o.partition("//")[2], quoted=quote(o, safe=""))]),
            origin=o,
            location=text.format(o, host=o.partition("//")[2], quoted=quote(o, safe="")),
        )
        for name, o in zip("ab", ORIGINS, strict=True)
    ]
    assert differ(answers) == []
    uses = find_differences(GET, answers).uses
    assert uses == [Use("own origin", 2, is_given=False)]


def test_the_origin_of_another_target_is_a_difference() -> None:
    bodies = (f'["{ORIGINS[0]}"]', f'["{ORIGINS[0]}0"]')
    answers = [
        answer(name, body, origin=o) for name, body, o in zip("ab", bodies, ORIGINS, strict=True)
    ]
    assert places(differ(answers)) == [("body /0", Kind.VALUE)]


def test_more_own_names_can_be_given() -> None:
    answers = [answer("a", '["at a.example"]'), answer("b", '["at b.example:81"]')]
    assert len(differ(answers)) == 1
    neutral = {"a": ["a.example"], "b": "b.example:81"}
    found = find_differences(GET, answers, Rules.build(neutral=neutral))
    assert found.differences == []
    assert {use.rule for use in found.uses} == {
        "--neutral a=a.example",
        "--neutral b=b.example:81",
    }
    assert bodies('["/v1/x"]', '["/v2/x"]', neutral={"a": "/v1", "b": "/v2"}) == []
    assert bodies('["blue shop"]', '["green shop"]', neutral={"a": "blue", "b": "green"}) == []
    assert len(bodies('["blues"]', '["greens"]', neutral={"a": "blue", "b": "green"})) == 1


def test_a_text_that_all_targets_send_is_equal_whatever_it_names() -> None:
    answers = [
        answer(name, '["http://127.0.0.1:8001"]', origin=o)
        for name, o in zip("ab", ORIGINS, strict=True)
    ]
    assert differ(answers) == []


def created(name: str, body: str) -> Answer:
    return answer(name, body, content_length=str(len(body)))


def test_target_names_from_the_request_count_as_equal() -> None:
    request = Request.build("POST", "/users", json={"email": "x@{framework}.example"})

    def found(*emails: str) -> list[tuple[str, str]]:
        answers = [
            created(name, json.dumps({"email": email}))
            for name, email in zip(("flask", "fastapi"), emails, strict=True)
        ]
        return places(differ(answers, request, exact=True))

    assert found("x@flask.example", "x@fastapi.example") == []
    assert ("body /email", "value") in found("x@fastapi.example", "x@flask.example")
    assert ("body /email", "value") in found("flask", "fastapi")
    assert ("body /email", "value") in found("x@flask.examples", "x@fastapi.examples")


def test_values_that_were_saved_count_as_equal() -> None:
    saved = {"a": {"id": "7"}, "b": {"id": "12"}}

    def found(one: str, two: str) -> list[str]:
        answers = [answer("a", one, location="/x/7"), answer("b", two, location="/x/12")]
        differences = find_differences(GET, answers, saved=saved).differences
        return [difference.place for difference in differences if difference.counts]

    assert found('{"id":7,"url":"/x/7/y"}', '{"id":12,"url":"/x/12/y"}') == []
    assert found('{"id":7}', '{"id":"12"}') == ["body /id"]
    assert found('{"id":17}', '{"id":112}') == ["body /id"]
    assert found('{"id":12}', '{"id":7}') == ["body /id"]


def test_long_words_are_read_once() -> None:
    """Read once for each letter, this word would take hours and block the gateway."""
    assert Request("POST", "/users", body=b"a" * 2_000_000 + b"{framework}").placeholders == []


def test_the_number_of_words_taken_from_a_request_is_limited() -> None:
    words = " ".join(f"{number}@{{framework}}" for number in range(1000, 9000))
    assert len(Request("POST", "/users", body=words.encode()).placeholders) == 20


@pytest.mark.parametrize(
    ("name", "is_neutral"),
    [
        *[("id", True), ("order_id", True), ("orderId", True), ("ids/0", True), ("order", True)],
        *[("total", False), ("paid", False), ("valid/0", False), ("items/0/price", False)],
    ],
)
def test_a_saved_number_is_neutral_only_where_it_identifies(name: str, is_neutral: bool) -> None:
    def nested(number: str) -> str:
        for step in reversed(name.split("/")):
            number = f"[{number}]" if step == "0" else f'{{"{step}":{number}}}'
        return number

    answers = [answer("a", nested("7")), answer("b", nested("12"))]
    saved = {"a": {"order": "7"}, "b": {"order": "12"}}
    differences = find_differences(GET, answers, saved=saved).differences
    assert [found.place for found in differences] == ([] if is_neutral else [f"body /{name}"])
