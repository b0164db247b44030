"""What counts as a difference, where it is reported, and what can be ignored."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from framework_gateway.compare.comparer import compare_rounds
from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Difference, Kind, Use
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.rules import Rules

GET = Request("GET", "/api/users")


def answer(
    target: str,
    body: bytes | str = b"",
    status: int = 200,
    origin: str = "http://localhost",
    **headers: str,
) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(target, f"{origin}/{target}", GET, 0.1, status, fields, data)


def differ(answers: Sequence[Answer], request: Request = GET, **rules: Any) -> list[Difference]:
    """Return the differences that count."""
    found = find_differences(request, answers, Rules.build(**rules)).differences
    return [difference for difference in found if difference.counts]


def bodies(one: str, two: str, **rules: Any) -> list[Difference]:
    return differ([answer("a", one), answer("b", two)], **rules)


def places(found: Sequence[Difference]) -> list[tuple[str, str]]:
    return [(difference.place, difference.kind) for difference in found]


def test_equal_answers_do_not_differ() -> None:
    answers = [answer(name, "[1]", content_type="application/json") for name in "abc"]
    assert find_differences(GET, answers).differences == []


def test_each_of_three_targets_is_compared() -> None:
    answers = [answer("a"), answer("b", status=404), answer("c")]
    values = {"a": "200", "b": "404", "c": "200"}
    assert differ(answers) == [Difference("status", "", Kind.STATUS, values)]
    assert differ(answers, ignore=["status"]) == []
    (same, _) = differ([answer("a", "[1]"), answer("b", "[2]"), answer("c", "[1, null]")])
    assert same == Difference("body", "/0", Kind.VALUE, {"a": "1", "b": "2", "c": "1"})


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


@pytest.mark.parametrize(
    ("pointer", "left"),
    [
        ("/0/id", ["/1/id"]),
        ("/*/id", []),
        ("/**/id", []),
        ("/**", []),
        ("/*", []),
        ("body", []),
        ("/*/i", ["/0/id", "/1/id"]),
        ("/*/id/x", ["/0/id", "/1/id"]),
        ("/**/x/id", ["/0/id", "/1/id"]),
    ],
)
def test_json_pointers_can_be_ignored(pointer: str, left: list[str]) -> None:
    found = bodies('[{"id":1},{"id":2}]', '[{"id":3},{"id":4}]', ignore=[pointer])
    assert [difference.name for difference in found] == left


def test_two_asterisks_stand_for_any_number_of_steps() -> None:
    one = '{"at": 1, "a": {"at": 2, "b": [{"at": 3, "c": 4}]}}'
    two = '{"at": 5, "a": {"at": 6, "b": [{"at": 7, "c": 8}]}}'
    assert [found.name for found in bodies(one, two, ignore=["/**/at"])] == ["/a/b/0/c"]
    assert [found.name for found in bodies(one, two, ignore=["/a/**/at", "/**/c"])] == ["/at"]
    assert [found.name for found in bodies(one, two, ignore=["/a/**/b/**"])] == ["/at", "/a/at"]


def test_each_rule_says_how_often_it_was_used() -> None:
    answers = [
        answer("a", '[{"id":1,"at":1},{"id":2,"at":1}]', etag="1"),
        answer("b", '[{"id":3,"at":1},{"id":4,"at":1}]', etag="2"),
    ]
    rules = ["/*/id # drawn by the database", "ETag", "status", "/*/at"]
    found = find_differences(GET, answers, Rules.build(ignore=rules))
    assert found.uses == [
        Use("ignore /*/id", 2, "drawn by the database"),
        Use("ignore ETag", 1),
        Use("ignore status", 0),
        Use("ignore /*/at", 0),
    ]
    notes = [(one.place, one.counts, one.reason) for one in found.differences]
    assert notes == [
        ("header ETag", False, "ignored by ETag"),
        ("body /0/id", False, "drawn by the database"),
        ("body /1/id", False, "drawn by the database"),
    ]


VALUES = [
    ("{time}", "2026-11-27T10:00:00Z", "2026-11-27T10:00:01.5+01:00", "soon"),
    ("{time}", "2026-11-27", "2026-11-28", "2026-11"),
    ("{time}", "Fri, 27 Nov 2026 10:00:00 GMT", "Fri, 27 Nov 2026 10:00:01 GMT", "Fri"),
    ("{uuid}", "123e4567-e89b-12d3-a456-426614174000", "0" * 32, "123e4567"),
    ("{token}", "eyJhbGciOiJI.eyJzdWIi0.x-_y", "a1" * 20, "a1"),
    ("{/INV-[0-9]+/}", "INV-1", "INV-23", "INV-x"),
]


@pytest.mark.parametrize(("pattern", "one", "two", "other"), VALUES)
def test_values_can_be_ignored_by_pattern(pattern: str, one: str, two: str, other: str) -> None:
    for form in ("{}", "from {} on"):
        documents = [json.dumps({"a": form.format(value)}) for value in (one, two, other)]
        assert bodies(*documents[:2], ignore=[pattern]) == []
        assert bodies(*documents[:2], ignore=[f"/a={pattern}"]) == []
        assert len(bodies(*documents[:2], ignore=[f"/b={pattern}"])) == 1
        assert len(bodies(documents[0], documents[2], ignore=[pattern])) == 1
        assert bodies(form.format(one), form.format(two), ignore=[f"body={pattern}"]) == []
    headers = [answer("a", x_at=one), answer("b", x_at=two)]
    assert differ(headers, ignore=[pattern]) == []
    assert differ(headers, ignore=[f"X-At={pattern}"]) == []
    assert len(differ(headers, ignore=[f"X-By={pattern}"])) == 1
    missing = [answer("a", f'{{"a": "{one}"}}', x_at=one), answer("b", "{}")]
    assert len(differ(missing, ignore=[pattern])) == 2


def test_a_time_may_be_a_number() -> None:
    assert bodies("[1700000000]", "[1700000001.25]", ignore=["{time}"]) == []
    assert len(bodies("[17]", "[18]", ignore=["{time}"])) == 1
    assert len(bodies("[1700000000]", '["1700000000"]', ignore=["{time}"])) == 1


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("{date}", "is not {time}"),
        ("{/(/}", "is no regular expression"),
        ("", "without a place"),
        ("# why", "without a place"),
        ("/**/**/**/**/**", "at most 4"),
    ],
)
def test_an_invalid_rule_is_refused(rule: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Rules.build(ignore=[rule])


@pytest.mark.parametrize(
    "options",
    [
        {"unordered": ["items"]},
        {"tolerance": "x"},
        {"tolerance": -1},
        {"tolerance": "nan"},
        {"headers": ["all", "contract"]},
    ],
    ids=str,
)
def test_an_invalid_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not|either"):
        Rules.build(**options)


UNORDERED: list[tuple[str, str, str, list[tuple[str, str]]]] = [
    ("/items", '{"items":[1,2,2]}', '{"items":[2,1,2]}', []),
    ("/items", '{"items":[1,2,2]}', '{"items":[2,1,1]}', [("body /items/2", "value")]),
    (
        "/items",
        '{"items":[{"a":1},{"a":2}]}',
        '{"items":[{"a":2},{"a":3}]}',
        [("body /items/0/a", "value")],
    ),
    ("/items", '{"items":[1]}', '{"items":[2,1]}', [("body /items/0", "missing")]),
    ("/items", '{"items":[[1,2]]}', '{"items":[[2,1]]}', [("body /items/0", "order")]),
    ("/**", "[[1,2],3]", "[3,[2,1]]", []),
    ("/other", '{"items":[1,2]}', '{"items":[2,1]}', [("body /items", "order")]),
]


@pytest.mark.parametrize(("pointer", "one", "two", "found"), UNORDERED)
def test_the_order_of_an_array_may_not_matter(
    pointer: str, one: str, two: str, found: list[tuple[str, str]]
) -> None:
    assert places(bodies(one, two, unordered=[pointer])) == found


def test_what_is_ignored_does_not_hide_another_order() -> None:
    one, two = '[{"id":1,"n":"x"},{"id":2,"n":"y"}]', '[{"id":7,"n":"y"},{"id":8,"n":"x"}]'
    assert places(bodies(one, two, ignore=["/*/id"])) == [("body", "order")]
    assert bodies(one, two, ignore=["/*/id"], unordered=[""]) == []


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ("0.30000000000000004", "0.3", True),
        ("1", "1.0", True),
        ("1e400", "1.0000000000001e400", True),
        ("0", "1e-10", True),
        ("0", "-0", True),
        ("1", "1.00000001", False),
        ("9007199254740993", "9007199254740992", True),
        ("1e9999999999999999999", "1", False),
        ('"1"', "1", False),
    ],
)
def test_small_differences_of_numbers_may_not_matter(one: str, two: str, equal: bool) -> None:
    assert (bodies(f"[{one}]", f"[{two}]", tolerance="1e-9") == []) == equal
    assert bodies(f"[{one}]", f"[{two}]") != []


@pytest.mark.parametrize(
    ("one", "two"),
    [('{"a":1,"b":2}', '{"b":2,"a":1}'), ("[1,2]", "[1, 2]"), ('"é"', '"\\u00e9"')],
)
def test_equal_json_in_other_bytes_is_a_note_unless_bytes_are_asked_for(one: str, two: str) -> None:
    assert bodies(one, two) == []
    found = find_differences(GET, [answer("a", one), answer("b", two)])
    assert [(d.kind, d.reason) for d in found.differences] == [
        (Kind.SPELLING, "the JSON values are equal")
    ]
    assert found.scope.body == "JSON values"
    assert places(bodies(one, two, exact=True)) == [("body", Kind.SPELLING)]
    assert bodies(one, two, exact=True, ignore=["spelling"]) == []


def test_the_spelling_of_numbers_can_be_ignored() -> None:
    assert bodies("[1]", "[1.0]", ignore=["spelling"]) == []
    assert len(bodies("[1]", "[1.5]", ignore=["spelling"])) == 1


def test_the_text_around_a_difference_is_shown() -> None:
    (difference,) = bodies("x" * 100 + "one", "x" * 100 + "two")
    assert difference.place == "body"
    assert {value[0] for value in difference.values.values()} == {"…"}
    assert {name: value[-3:] for name, value in difference.values.items()} == {
        "a": "one",
        "b": "two",
    }


def test_a_length_that_follows_the_body_is_a_note() -> None:
    answers = [
        answer("a", '{"id":9}', content_length="8"),
        answer("b", '{"id":10}', content_length="9"),
    ]
    assert places(differ(answers)) == [("body /id", Kind.VALUE)]
    assert differ(answers, ignore=["/id"]) == []
    assert "header Content-Length" in {
        one.place for one in find_differences(GET, answers).differences
    }


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


def test_a_target_without_a_response_is_left_out() -> None:
    gone = Answer("c", "http://localhost/c", GET, 1.0, error="no answer")
    found = find_differences(GET, [answer("a", "[]"), answer("b", "[]"), gone])
    assert found.differences == []
    alone = find_differences(GET, [answer("a", "[]"), gone])
    assert alone.scope.body == "nothing"


def test_what_was_looked_at_is_said() -> None:
    answers = [
        answer("a", "[1]", content_type="text/plain", etag="1", date="x", connection="x"),
        answer("b", "[1]", content_type="text/plain", etag="1", x_tag="y"),
    ]
    scope = find_differences(GET, answers).scope
    assert scope.compared == ["Content-Type", "ETag", "X-Tag"]
    assert scope.noted == ["Date"]
    assert scope.body == "every byte"
    assert "Date" in scope.headers
    some = find_differences(GET, answers, Rules.build(headers="contract,X-Tag")).scope
    assert (some.compared, some.noted) == (["Content-Type", "X-Tag"], ["ETag", "Date"])
    most = find_differences(GET, answers, Rules.build(headers="all, -etag")).scope
    assert (most.compared, most.noted) == (["Content-Type", "Date", "X-Tag"], ["ETag"])
    few = find_differences(GET, answers, Rules.build(ignore=["etag"])).scope
    assert few.noted == ["ETag", "Date"]


def test_a_difference_is_written_in_one_line() -> None:
    difference = Difference("body", "/name", Kind.VALUE, {"old": '"Alice"', "new": "x" * 100})
    assert str(difference) == f'body /name: old "Alice", new {"x" * 59}…'
    (difference,) = bodies("one\nline", "two\tlines")
    assert str(difference) == r"body: a one\nline, b two\tlines"


def test_long_words_are_read_once() -> None:
    """Read once for each letter, this word would take hours and block the gateway."""
    assert Request("POST", "/users", body=b"a" * 2_000_000 + b"{framework}").placeholders == []


def test_the_number_of_words_taken_from_a_request_is_limited() -> None:
    words = " ".join(f"{number}@{{framework}}" for number in range(1000, 9000))
    assert len(Request("POST", "/users", body=words.encode()).placeholders) == 20


def test_long_names_are_not_repeated_in_every_difference() -> None:
    key = "k" * 15_000
    documents = [json.dumps({key: [letter * 3] * 1000}) for letter in "ab"]
    found = bodies(*documents)
    assert len(found) == 1000
    assert {len(one.name) for one in found} <= {*range(1000, 1010)}
    assert found[7].values == {"a": '"aaa"', "b": '"bbb"'}
    assert len(bodies(*documents, ignore=[f"/{key}/7"])) == 999


def test_the_summary_says_what_was_left_out() -> None:
    answers = [answer("a", '{"id":1,"at":1}', etag="1"), answer("b", '{"id":2,"at":1}', etag="2")]

    def summary(**rules: Any) -> str:
        return compare_rounds(GET, [answers], Rules.build(**rules), {}).summary

    assert summary() == "2 differences in: status; ETag; the values of the JSON body."
    assert summary(ignore=["/id", "etag", "/at"]) == (
        "Equal: status; no header; the values of the JSON body; except what 2 rules ignore."
        " 2 notes on what does not count."
    )
    assert summary(ignore=["/id"], headers="Allow") == (
        "Equal: status; no header; the values of the JSON body; except what 1 rule ignores."
        " 2 notes on what does not count."
    )
