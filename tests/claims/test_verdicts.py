"""Verdicts from recorded figures; noise alone never decides."""

import random

import pytest

from showdown.bench.measure import Case
from showdown.bench.samples import Sample
from showdown.bench.targets import TARGETS
from showdown.bench.workloads import WORKLOADS
from showdown.claims.model import Comparison
from showdown.claims.verdicts import Condition, Verdict, decide

FASTAPI = Case(TARGETS["fastapi-uvicorn"], WORKLOADS["hello"], 64)
FLASK = Case(TARGETS["flask-gunicorn"], WORKLOADS["hello"], 64)
COMPARISON = Comparison("FastAPI to Flask", FASTAPI, FLASK, 3)


def samples(*rates: float) -> list[Sample]:
    return [Sample(rate, 1e6 / rate, 1.0, 2.0, 3.0, 2**20, 1000) for rate in rates]


def state(fastapi: list[float], flask: list[float]) -> str:
    return COMPARISON.judge({FASTAPI: samples(*fastapi), FLASK: samples(*flask)}).state


def test_a_clear_ratio_holds() -> None:
    assert state([8304, 8011, 7987, 9044, 8120], [2316, 2145, 2488, 2400, 2212]) == "holds"


def test_a_clear_ratio_fails() -> None:
    assert state([612, 600, 624, 590, 630], [650, 637, 664, 655, 640]) == "fails"


def test_a_machine_that_slows_down_changes_no_verdict() -> None:
    # From the third round on, both lose half of their speed; the ratios stay the same.
    assert state([8000, 8000, 4000, 4000, 4000], [2000, 2000, 1000, 1000, 1000]) == "holds"


def test_one_outlier_in_five_rounds_is_left_out() -> None:
    assert state([8304, 8011, 3987, 9044, 8120], [2316, 2145, 2488, 2400, 2212]) == "holds"
    condition = Condition("hello", [0.93, 0.21, 0.19, 0.39, 0.21], 0.5)
    assert condition.kept == [0.21, 0.21, 0.19, 0.39]
    assert condition.state == "fails"


@pytest.mark.parametrize(
    "values",
    [
        [2.0, 3.6, 3.7, 3.8, 2.1],  # two outliers
        [2.8, 3.1, 3.2, 3.3, 3.4],  # one value below the threshold, but near the others
        [1.6, 3.6, 3.7, 3.8],  # too few rounds to leave one out
    ],
)
def test_more_than_one_outlier_leaves_a_condition_undecided(values: list[float]) -> None:
    assert Condition("hello", values, 3).state == "undecided"


def test_noise_at_the_threshold_seldom_looks_like_one_outlier() -> None:
    """Pure noise at the threshold is decided no more often than five rounds agree by chance."""
    noise = random.Random(1)
    rounds = [[3 * noise.gauss(1, 0.1) for _ in range(5)] for _ in range(4000)]
    decided = sum(Condition("noise", values, 3).state != "undecided" for values in rounds)
    assert decided / len(rounds) < 0.15


@pytest.mark.parametrize("rounds", [1, 2])
def test_too_few_rounds_decide_nothing(rounds: int) -> None:
    assert state([9000] * rounds, [1000] * rounds) == "undecided"
    assert state([1000] * rounds, [1000] * rounds) == "undecided"


def test_an_exact_condition_needs_one_round() -> None:
    assert Condition("packages", [1.5], 1, exact=True).state == "holds"
    assert Condition("packages", [0.5], 1, exact=True).state == "fails"


def test_a_value_equal_to_the_threshold_holds() -> None:
    assert Condition("at it", [3.0, 3.0, 3.0], 3).state == "holds"
    assert Condition("below it", [2.99, 2.99, 2.99], 3).state == "fails"


@pytest.mark.parametrize("seed", range(50))
def test_noise_at_the_threshold_gives_no_verdict(seed: int) -> None:
    """The true ratio is exactly the threshold, with noise in both directions."""
    noise = random.Random(seed)
    values = [3 * noise.uniform(0.8, 1.0), 3 * noise.uniform(1.0, 1.25), 3.0]
    noise.shuffle(values)
    condition = Condition("noisy", values, 3)
    assert condition.state == "undecided"
    assert decide([condition]) == "depends"
    assert decide([condition, Condition("clear", [5, 5, 5], 3)]) == "depends"
    assert decide([condition, Condition("clear", [1, 1, 1], 3)]) == "depends"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([[4, 4, 4], [5, 5, 5]], "holds"),
        ([[1, 1, 1], [2, 2, 2]], "does not hold"),
        ([[4, 4, 4], [1, 1, 1]], "depends"),
        ([[4, 4, 4], [2, 4, 4]], "depends"),
        ([], "not measured"),
    ],
)
def test_a_verdict_other_than_depends_needs_every_condition(
    values: list[list[float]], verdict: Verdict
) -> None:
    assert decide([Condition(str(row), row, 3) for row in values]) == verdict


def test_a_condition_is_written_as_json() -> None:
    assert Condition("name", [3.0, 4.0, 5.0], 3).as_document() == {
        "name": "name",
        "state": "holds",
        "at_least": 3,
        "unit": "times",
        "exact": False,
        "values": [3.0, 4.0, 5.0],
        "kept": [3.0, 4.0, 5.0],
    }
