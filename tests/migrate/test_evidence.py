"""Evidence: in constant space, added up, judged by rules, and without personal values."""

import json
from typing import Any

import pytest
from pydantic import ByteSize

from framework_gateway.compare.comparer import compare_rounds
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.latency import Latencies
from framework_gateway.compare.messages import Answer, Failure, Request
from framework_gateway.compare.pointers import Pointers
from framework_gateway.compare.rules import Rules
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.bounds import EvidenceOptions, Ready
from framework_gateway.migrate.evidence import RouteEvidence
from framework_gateway.migrate.examples import example_of
from framework_gateway.migrate.latencies import quantile
from framework_gateway.migrate.verdicts import Readiness, judge, report

ROUTE = "GET /users"
DIFFERENCES = EvidenceOptions().differences
NOTHING = Pointers([])
JSON = [("Content-Type", "application/json")]


def comparison(old: Any, new: Any, path: str = "/users", **request: Any) -> Comparison:
    asked = Request.build("GET", path, **request)
    answers = [
        Answer(name, "http://localhost", asked, 0.01, 200, JSON, json.dumps(body).encode())
        for name, body in (("old", old), ("new", new))
    ]
    return compare_rounds(asked, [answers], Rules(), {})


def seen(evidence: RouteEvidence, times: int, new_seconds: float = 0.01) -> RouteEvidence:
    """Add comparisons of equal answers."""
    equal = comparison({"id": 1}, {"id": 1})
    for _ in range(times):
        evidence.add_comparison(ROUTE, equal, None, NOTHING)
        evidence.add_answer("old", Outcome.SUCCESS, 0.01)
        evidence.latencies["new"].add(new_seconds)
    return evidence


def test_it_takes_no_more_space_for_more_requests() -> None:
    evidence = RouteEvidence()
    for number in range(3 * DIFFERENCES):
        one = comparison({f"member{number}": 1}, {f"member{number}": 2})
        evidence.add_comparison(ROUTE, one, None, NOTHING)
        evidence.add_answer("old", Outcome.SUCCESS, 1.001**number)
    size = len(json.dumps(evidence.as_dict()))
    assert len(evidence.found) == DIFFERENCES + 1
    assert evidence.differing == 3 * DIFFERENCES
    for number in range(20_000):
        evidence.add_answer("new", Outcome.SUCCESS, 1.0001**number)
    again = RouteEvidence.from_dict(json.loads(json.dumps(evidence.as_dict())))
    for _ in range(20):  # 2^20 times as many requests
        again.add(RouteEvidence.from_dict(again.as_dict()))
    assert again.counts["compared"] > 10**6
    assert len(json.dumps(again.as_dict())) < size + 20_000


def test_it_survives_the_store() -> None:
    evidence = seen(RouteEvidence(), 3)
    evidence.add_comparison(ROUTE, comparison({"id": 1}, {"id": "1"}), [], NOTHING)
    assert RouteEvidence.from_dict(json.loads(json.dumps(evidence.as_dict()))) == evidence


def test_the_smallest_example_is_kept() -> None:
    evidence = RouteEvidence()
    for path in ("/users?page=100", "/users", "/users?sort=name"):
        evidence.add_comparison(ROUTE, comparison(1, 2, path), None, NOTHING)
    (found,) = evidence.found.values()
    assert found.example is not None
    assert found.example["request"]["path"] == "/users"
    assert (found.count, found.first <= found.last) == (3, True)


def test_an_example_has_no_personal_values() -> None:
    old = {"email": "ada@example.com", "price": 1.5, "token": "secret-token-value"}
    new = {"email": "eve@example.com", "price": 2.5, "token": "another-token-value"}
    one = comparison(
        old,
        new,
        "/users?password=hunter2",
        headers={"Cookie": "session=cookie-value", "X-Api-Key": "key-value"},
        body='{"name": "Ada Lovelace"}',
    )
    text = json.dumps(example_of(one, NOTHING))
    for personal in ("example.com", "1.5", "token-value", "hunter2", "cookie", "key", "Lovelace"):
        assert personal not in text
    shown = json.dumps(example_of(one, Pointers(["/price", "/token"])))
    assert "1.5" in shown
    assert "2.5" in shown
    assert "token-value" not in shown  # the name says that it is a secret


def test_places_that_change_by_themselves_are_noise() -> None:
    evidence = RouteEvidence()
    differs = comparison({"time": 1}, {"time": 2})
    again = differs.differences
    assert evidence.add_comparison(ROUTE, differs, again, NOTHING) == "noisy"
    for _ in range(10):
        assert evidence.add_comparison(ROUTE, differs, None, NOTHING) == "noisy"
    other = comparison({"time": 1, "name": "a"}, {"time": 2, "name": "b"})
    assert evidence.add_comparison(ROUTE, other, again, NOTHING) == "differing"
    assert evidence.differing == 1


def test_a_mistake_once_in_a_thousand_is_found() -> None:
    evidence = seen(RouteEvidence(), 999)
    evidence.asked_twice = 100
    evidence.add_comparison(ROUTE, comparison({"id": 1}, {"id": 2}), None, NOTHING)
    judgement = judge(evidence, Ready())
    assert judgement.readiness is Readiness.NOT_READY
    assert judgement.reasons == ["1 of 1,000 compared differ"]


@pytest.mark.parametrize(
    ("compared", "seconds", "expected"),
    [
        (0, 0.01, Readiness.TOO_LITTLE),
        (999, 0.01, Readiness.TOO_LITTLE),
        (1000, 0.01, Readiness.READY),
        (1000, 0.02, Readiness.NOT_READY),
    ],
)
def test_readiness(compared: int, seconds: float, expected: Readiness) -> None:
    evidence = seen(RouteEvidence(), compared, seconds)
    assert judge(evidence, Ready()).readiness is expected
    assert json.dumps(report(evidence, Ready()))


def test_a_side_that_does_not_answer_is_not_ready() -> None:
    evidence = seen(RouteEvidence(), 2000)
    asked = Request.build("GET", "/users")
    answers = [
        Answer("old", "", asked, 0.01, 200),
        Answer("new", "", asked, 0.01, error="no answer", failure=Failure.TIMEOUT),
    ]
    one = compare_rounds(asked, [answers], Rules(), {})
    assert evidence.add_comparison(ROUTE, one, None, NOTHING) == "timed out"
    assert judge(evidence, Ready()).readiness is Readiness.NOT_READY


def test_a_quantile_has_an_interval_if_there_is_enough() -> None:
    latencies = Latencies()
    assert quantile(latencies, 0.95) is None
    for number in range(1, 1001):
        latencies.add(number / 1000)
    found = quantile(latencies, 0.95)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.95 < found.high
    assert found.value == pytest.approx(0.95, rel=0.02)
    few = Latencies()
    few.add(1.0)
    alone = quantile(few, 0.99)
    assert alone is not None
    assert alone.value == pytest.approx(1.0, rel=0.02)
    assert (alone.low, alone.high) == (None, None)


def test_what_is_kept_is_a_setting() -> None:
    evidence = RouteEvidence(bounds=EvidenceOptions(differences=3, example=ByteSize(0)))
    for number in range(10):
        one = comparison({f"member{number}": 1}, {f"member{number}": 2})
        evidence.add_comparison(ROUTE, one, None, NOTHING)
    assert len(evidence.found) == 3 + 1  # and the others
    assert not any(found.example for found in evidence.found.values())
    bounds = EvidenceOptions(differences=1)
    merged = RouteEvidence(bounds=bounds)
    merged.add(evidence)
    assert len(merged.found) == 1 + 1
    assert merged.differing == 10
    assert RouteEvidence.from_dict(merged.as_dict(), bounds).bounds is bounds


def test_metrics_name_the_types_of_differences_and_no_places() -> None:
    evidence = RouteEvidence()
    one = comparison({"ada@example.org": 1, "id": 2}, {"ada@example.org": 2, "id": "2"})
    evidence.add_comparison(ROUTE, one, None, NOTHING)
    assert evidence.kinds(one) == {"body (value)", "body (type)"}


@pytest.mark.slow
@pytest.mark.thorough
def test_a_million_comparisons_are_kept_in_constant_space() -> None:
    evidence = RouteEvidence()
    ones = [comparison({f"member{n}": 1}, {f"member{n}": 2}) for n in range(3 * DIFFERENCES)]
    equal = comparison({"id": 1}, {"id": 1})
    sizes = []
    for number in range(1_000_000):
        one = ones[number // 10 % len(ones)] if number % 10 == 0 else equal
        evidence.add_comparison(ROUTE, one, None, NOTHING)
        evidence.add_answer("old", Outcome.SUCCESS, 0.001 * 1.01 ** (number % 900))
        if number in (10_000, 999_999):
            sizes.append(len(json.dumps(evidence.as_dict())))
    assert evidence.counts["compared"] == 1_000_000
    assert evidence.differing == 100_000
    assert sizes[1] < 1.2 * sizes[0]  # the numbers have more digits


def test_a_request_with_several_differences_counts_once() -> None:
    evidence = seen(RouteEvidence(), 9)
    evidence.add_comparison(ROUTE, comparison({"a": 1, "b": 1}, {"a": 2, "b": 2}), None, NOTHING)
    assert len(evidence.found) == 2
    assert evidence.differing == 1


def test_the_old_application_is_not_what_keeps_a_route_from_being_ready() -> None:
    evidence = seen(RouteEvidence(), 1000)
    asked = Request.build("GET", "/users")
    answers = [
        Answer("old", "", asked, 0.01, error="no answer", failure=Failure.TIMEOUT),
        Answer("new", "", asked, 0.01, 200),
    ]
    one = compare_rounds(asked, [answers], Rules(), {})
    assert evidence.add_comparison(ROUTE, one, None, NOTHING) == "timed out"
    assert judge(evidence, Ready()).readiness is Readiness.READY
