"""What counts as a difference, where it is reported, and what was looked at."""

import json
from typing import Any

from framework_gateway.compare.comparer import compare_rounds
from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Comparison, Difference, Kind
from framework_gateway.compare.messages import Answer
from framework_gateway.compare.rules import Rules
from tests.compare.answers import GET, answer, bodies, differ, places


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


def test_a_header_that_differs_without_effect_is_not_called_compared() -> None:
    lengths = {"a": "2", "b": "3"}
    bodies = [
        answer(name, "1" + " " * (int(n) - 1), content_length=n) for name, n in lengths.items()
    ]
    found = find_differences(GET, bodies)
    assert [one.counts for one in found.differences] == [False, False]
    assert (found.scope.compared, found.scope.noted) == ([], ["Content-Length"])


def test_a_difference_is_written_in_one_line() -> None:
    difference = Difference("body", "/name", Kind.VALUE, {"old": '"Alice"', "new": "x" * 100})
    assert str(difference) == f'body /name: old "Alice", new {"x" * 59}…'
    (difference,) = bodies("one\nline", "two\tlines")
    assert str(difference) == r"body: a one\nline, b two\tlines"


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


def test_the_values_of_cookies_are_not_called_compared() -> None:
    cookies = [answer(name, set_cookie=f"sid={name}; Path=/") for name in "ab"]
    found = find_differences(GET, cookies)
    assert found.differences == []
    comparison = Comparison(GET, cookies, found.differences, found.scope)
    assert "status; Set-Cookie without values; no answer has a body" in comparison.summary
