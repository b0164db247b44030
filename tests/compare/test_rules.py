"""What may differ: places, values, order, small differences."""

import json
from typing import Any

import pytest

from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Kind, Use
from framework_gateway.compare.rules import Rules
from tests.compare.answers import GET, answer, bodies, differ, places


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
