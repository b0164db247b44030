"""Verdicts from recorded figures, by the confidence interval of the median."""

from collections.abc import Sequence

import pytest

from showdown.bench.measure import Case
from showdown.bench.samples import Sample
from showdown.bench.targets import TARGETS
from showdown.bench.workloads import WORKLOADS
from showdown.claims.model import Comparison
from showdown.claims.verdicts import Condition, Verdict, decide, decide_by_database

FASTAPI = Case(TARGETS["fastapi-uvicorn"], WORKLOADS["hello"], 64)
FLASK = Case(TARGETS["flask-gunicorn"], WORKLOADS["hello"], 64)
COMPARISON = Comparison("FastAPI to Flask", FASTAPI, FLASK, 3)
ROUNDS = 9


def samples(*rates: float) -> list[Sample]:
    return [Sample(rate, 1e6 / rate, 1.0, 2.0, 3.0, 2**20, 1000) for rate in rates]


def state(fastapi: Sequence[float], flask: Sequence[float]) -> str:
    return COMPARISON.judge({FASTAPI: samples(*fastapi), FLASK: samples(*flask)}).state


def test_the_interval_of_nine_rounds_is_from_the_second_to_the_second_but_last() -> None:
    condition = Condition("hello", [3.5, 0.1, 3.7, 3.3, 99, 3.4, 3.6, 3.2, 3.8], 3)
    assert condition.interval == (3.2, 3.8)
    assert condition.state == "holds"


def test_the_interval_of_six_rounds_is_their_range() -> None:
    assert Condition("hello", [6, 1, 2, 3, 4, 5], 3).interval == (1, 6)


@pytest.mark.parametrize("rounds", range(1, 6))
def test_too_few_rounds_decide_nothing(rounds: int) -> None:
    assert Condition("hello", [9.0] * rounds, 3).interval is None
    assert state([9000] * rounds, [1000] * rounds) == "undecided"
    assert state([1000] * rounds, [1000] * rounds) == "undecided"


def test_one_disturbed_round_changes_no_state() -> None:
    flask = [2316, 2145, 2488, 2400, 2212, 2301, 2290, 2250, 2310]
    fastapi = [8304, 8011, 7987, 9044, 8120, 8200, 8100, 8300, 8250]
    assert state(fastapi, flask) == "holds"
    assert state([300, *fastapi[1:]], flask) == "holds"
    assert state([300, 300, *fastapi[2:]], flask) == "undecided"


def test_a_clear_ratio_fails() -> None:
    assert state([612.0] * ROUNDS, [650.0] * ROUNDS) == "fails"
    assert state([612.0] * 8 + [9999], [650.0] * ROUNDS) == "fails"


def test_a_machine_that_slows_down_changes_no_verdict() -> None:
    # From the third round on, both lose half of their speed; the ratios stay the same.
    assert state([8000] * 2 + [4000] * 7, [2000] * 2 + [1000] * 7) == "holds"


def test_an_exact_condition_needs_one_round() -> None:
    assert Condition("packages", [1.5], 1, exact=True).state == "holds"
    assert Condition("packages", [0.5], 1, exact=True).state == "fails"


def test_an_interval_that_begins_at_the_threshold_holds() -> None:
    assert Condition("at it", [3.0] * ROUNDS, 3).state == "holds"
    assert Condition("below it", [2.99] * ROUNDS, 3).state == "fails"
    # The upper end is the threshold: the median may be, too.
    assert Condition("up to it", [2.0] * 7 + [3.0] * 2, 3).state == "undecided"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([[4], [5]], "holds"),
        ([[1], [2]], "does not hold"),
        ([[4], [1]], "depends"),
        ([[4], [2, 4]], "depends"),
        ([], "not measured"),
    ],
)
def test_a_verdict_other_than_depends_needs_every_condition(
    values: list[list[float]], verdict: Verdict
) -> None:
    assert decide([Condition(str(row), row * ROUNDS, 3) for row in values]) == verdict


def test_each_database_has_a_verdict_of_its_own() -> None:
    conditions = [
        Condition("hello", [1.0] * ROUNDS, 3),
        Condition("users", [4.0] * ROUNDS, 3, database="SQLite"),
        Condition("users", [1.0] * ROUNDS, 3, database="PostgreSQL"),
    ]
    assert decide(conditions) == "depends"
    assert decide_by_database(conditions) == {"SQLite": "holds", "PostgreSQL": "does not hold"}
    assert decide_by_database(conditions[:1]) == {}


def test_a_condition_is_written_as_json() -> None:
    values = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
    assert Condition("name", values, 3, database="SQLite").as_document() == {
        "name": "name",
        "database": "SQLite",
        "state": "holds",
        "at_least": 3,
        "unit": "times",
        "exact": False,
        "values": values,
        "median": 7.0,
        "interval": [4.0, 10.0],
    }
    assert Condition("name", [3.0], 3).as_document()["interval"] is None
