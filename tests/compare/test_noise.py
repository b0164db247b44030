"""What differs from itself is noise; what differs more often is a difference."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.findings import Kind, Verdict
from framework_gateway.compare.rates import exceeds, rate

Make = Callable[[int], Any]


def application(make: Make) -> Starlette:
    """Return an application whose answer is made from the number of the request."""
    numbers = itertools.count()

    async def show(_request: HTTPRequest) -> Response:
        number = next(numbers)
        return JSONResponse(make(number), headers={"X-Number": str(number % 3)})

    return Starlette(routes=[Route("/", show, methods=["GET", "POST"])])


def compare(old: Make, new: Make, noise: int, method: str = "GET", **options: Any) -> Any:
    targets = {"old": application(old), "new": application(new)}
    with comparing(targets, noise=noise, headers="contract", **options) as ask:
        return ask(method, "/")


def test_a_value_that_always_changes_is_noise() -> None:
    comparison = compare(lambda n: {"at": n, "a": 1}, lambda n: {"at": n + 50, "a": 1}, 3)
    assert comparison.verdict is Verdict.EQUAL
    (found,) = [found for found in comparison.differences if found.part == "body"]
    assert found.reason == "noise: each target differs from itself as often"
    assert (found.between.differing, found.between.asked) == (4, 4)
    assert (found.within.differing, found.within.asked) == (3, 3)
    assert comparison.rounds == 4


def test_a_difference_above_the_noise_counts() -> None:
    comparison = compare(lambda n: {"at": n, "a": 1}, lambda n: {"at": n + 50, "a": 2}, 3)
    assert comparison.verdict is Verdict.DIFFERS
    assert [found.place for found in comparison.counting] == ["body /a"]
    document = comparison.as_dict()["differences"][0]
    assert document["between"]["differing"] == document["between"]["of"] == 4
    assert document["within"]["differing"] == 0
    assert document["within"]["of"] == 3
    assert document["within"]["interval"] == [0.0, pytest.approx(0.5615, abs=0.001)]


def test_too_few_answers_are_said() -> None:
    comparison = compare(lambda n: {"a": 1}, lambda n: {"a": 2}, 2)
    assert comparison.verdict is Verdict.INSUFFICIENT
    assert not comparison.identical
    assert "Too few answers" in comparison.summary
    assert "too few answers" in str(comparison)


def test_a_value_that_changes_now_and_then_needs_more_answers() -> None:
    def old(number: int) -> dict[str, int]:
        return {"a": number // 2 % 2}

    def new(number: int) -> dict[str, int]:
        return {"a": 7 + number // 2 % 2}

    assert compare(old, new, 4).verdict is Verdict.INSUFFICIENT
    assert compare(old, new, 30).verdict is Verdict.DIFFERS


def test_a_value_that_changes_in_one_target_only_is_a_difference() -> None:
    comparison = compare(lambda n: {"a": 1}, lambda n: {"a": n + 50}, 3)
    assert [found.place for found in comparison.counting] == ["body /a"]


@pytest.mark.parametrize(
    ("make", "kind"), [(str, Kind.TYPE), (lambda n: None if n % 2 else n, Kind.NULL)]
)
def test_another_type_is_no_noise_of_a_value_that_always_changes(make: Make, kind: Kind) -> None:
    comparison = compare(lambda n: {"at": n}, lambda n: {"at": make(n + 50)}, 20)
    assert [(found.place, found.kind) for found in comparison.counting] == [("body /at", kind)]


def test_noise_of_headers_is_measured() -> None:
    targets = {"old": application(lambda n: 1), "new": application(lambda n: 1)}
    with comparing(targets, noise=8, headers="X-Number", seed=1) as ask:
        ask("POST", "/")
        comparison = ask("GET", "/")
        assert comparison.identical, str(comparison)


def test_an_unsafe_request_is_sent_once() -> None:
    comparison = compare(lambda n: n, lambda n: n, 5, "POST")
    assert comparison.rounds == 1
    assert comparison.identical


def test_a_rule_needs_no_answers_more() -> None:
    comparison = compare(lambda n: {"a": 1}, lambda n: {"a": 2}, 1, ignore=["/a"])
    assert comparison.identical
    assert [use.uses for use in comparison.uses] == [1]


def test_an_error_now_and_then_is_not_equal() -> None:
    def failing(number: int) -> Any:
        return {"a": 1} if number != 1 else object()

    comparison = compare(lambda n: {"a": 1}, failing, 3)
    assert comparison.verdict is Verdict.INSUFFICIENT
    assert "status" in {found.place for found in comparison.differences if found.undecided}


def test_one_missing_answer_of_many_is_a_failure() -> None:
    slow = itertools.cycle([False, True, False])

    async def show(_request: HTTPRequest) -> Response:
        if next(slow):
            await asyncio.Event().wait()
        return JSONResponse({})

    targets = {
        "old": application(lambda n: {}),
        "new": Starlette(routes=[Route("/", show)]),
    }
    with comparing(targets, noise=2, timeout=0.2, headers="contract") as ask:
        assert ask("GET", "/").verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("numbers", "more"),
    [
        ((3, 3, 0, 4), True),
        ((2, 2, 0, 2), False),
        ((6, 6, 5, 10), False),
        ((11, 11, 10, 20), True),
        ((0, 3, 0, 4), False),
        ((3, 3, 4, 4), False),
    ],
)
def test_a_rate_must_be_higher_beyond_chance(
    numbers: tuple[int, int, int, int], more: bool
) -> None:
    assert exceeds(*numbers) == more


def test_a_rate_has_an_interval() -> None:
    half = rate(5, 10)
    # Wilson's interval of 5 of 10, as statsmodels gives it.
    assert (round(half.low, 4), round(half.high, 4)) == (0.2366, 0.7634)
    assert str(rate(4, 4)) == "4 of 4 (51% to 100%)"
    assert (rate(0, 0).low, rate(0, 0).high) == (0.0, 1.0)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_order_is_random_where_state_allows(method: str) -> None:
    log: list[str] = []

    def logging(name: str) -> Starlette:
        async def show(_request: HTTPRequest) -> Response:
            log.append(name)
            return Response()

        return Starlette(routes=[Route("/", show, methods=["GET", "POST"])])

    orders = []
    for _ in range(2):
        log.clear()
        with comparing({name: logging(name) for name in "ab"}, seed=7) as ask:
            for _ in range(20):
                answers = ask(method, "/", in_turn=True).answers
                assert [answer.target for answer in answers] == ["a", "b"]
        orders.append("".join(log))
    assert orders[0] == orders[1]
    assert (orders[0] == "ab" * 20) == (method == "POST")
