"""The rule, by simulation: how often an interval misses, and how often a state is wrong."""

import math
import random
from collections.abc import Callable

import pytest

from showdown.claims.verdicts import Condition, State, confidence_interval, coverage, narrowest

ROUNDS, RUNS = 9, 10_000
NOMINAL = 0.9609375  # 1 - 2 * (1 + 9) / 2**9

Draw = Callable[[random.Random], float]


def cauchy(chance: random.Random) -> float:
    return math.tan(math.pi * (chance.random() - 0.5))


def with_an_outlier(chance: random.Random) -> float:
    """A round in nine is disturbed, to either side."""
    far = chance.choice([0.01, 100.0]) if chance.random() < 1 / 9 else 1.0
    return chance.gauss(1, 0.1) * far


# Each with its median.
CONTINUOUS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda chance: chance.gauss(3, 0.3), 3.0),
    "lognormal": (lambda chance: chance.lognormvariate(math.log(3), 1), 3.0),
    "heavy-tailed": (cauchy, 0.0),
    "skewed": (lambda chance: chance.expovariate(1), math.log(2)),
}
DISCRETE: dict[str, tuple[Draw, float]] = {
    "dice": (lambda chance: float(chance.randint(1, 5)), 3.0),
    "constant": (lambda _chance: 2.0, 2.0),
}


def binomial_error(share: float) -> float:
    """Five standard deviations of a share of the runs; the seeds are fixed, so nothing flickers."""
    return 5 * math.sqrt(share * (1 - share) / RUNS)


def covered(draw: Draw, median: float) -> float:
    """Return the share of the runs whose interval contains the median."""
    chance = random.Random(7)
    hits = 0
    for _ in range(RUNS):
        interval = confidence_interval([draw(chance) for _ in range(ROUNDS)])
        assert interval is not None
        hits += interval[0] <= median <= interval[1]
    return hits / RUNS


def test_the_coverage_of_nine_rounds_is_96_1_per_cent() -> None:
    assert narrowest(ROUNDS) == 2
    assert coverage(ROUNDS, 2) == NOMINAL


@pytest.mark.parametrize("rounds", range(1, 60))
def test_the_narrowest_pair_reaches_the_confidence_and_no_narrower_one_does(rounds: int) -> None:
    rank = narrowest(rounds)
    assert (rank is None) == (rounds < 6)
    if rank is not None:
        assert coverage(rounds, rank) >= 0.95
        assert rank == rounds // 2 or coverage(rounds, rank + 1) < 0.95


@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_interval_covers_the_median_of_any_continuous_distribution(name: str) -> None:
    assert abs(covered(*CONTINUOUS[name]) - NOMINAL) < binomial_error(NOMINAL)


def test_disturbed_rounds_leave_the_coverage_as_it_is() -> None:
    # Of independent rounds with outliers to both sides, the median is still nearly 1.
    chance = random.Random(3)
    values = sorted(with_an_outlier(chance) for _ in range(200_001))
    assert abs(covered(with_an_outlier, values[100_000]) - NOMINAL) < binomial_error(NOMINAL)


def test_one_round_far_away_in_every_run_still_covers() -> None:
    """Rounds that are not alike: one of nine is always disturbed, the worst that is likely."""
    chance = random.Random(5)
    hits = 0
    for _ in range(RUNS):
        interval = confidence_interval([*(chance.gauss(3, 0.3) for _ in range(8)), 0.1])
        assert interval is not None
        hits += interval[0] <= 3 <= interval[1]
    # Of eight values, at least one must be below 3, and at least two above: 1 - 1/256 - 9/256.
    expected = 1 - 10 / 256
    assert abs(hits / RUNS - expected) < binomial_error(expected)


@pytest.mark.parametrize("name", DISCRETE)
def test_equal_values_only_widen_the_coverage(name: str) -> None:
    assert covered(*DISCRETE[name]) >= NOMINAL


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("above", [True, False])
def test_a_wrong_state_is_as_rare_as_a_miss_on_one_side(name: str, above: bool) -> None:
    """The true median is just beyond the threshold, where a wrong state is most likely."""
    draw, median = CONTINUOUS[name]
    wrong: State = "fails" if above else "holds"
    threshold = median if above else median + 1e-9
    chance = random.Random(11)
    states = [
        Condition(name, [draw(chance) for _ in range(ROUNDS)], threshold).state for _ in range(RUNS)
    ]
    one_side = (1 - NOMINAL) / 2
    assert abs(states.count(wrong) / RUNS - one_side) < binomial_error(one_side)


def test_a_wrong_state_is_hardly_seen_where_the_median_is_farther_away() -> None:
    chance = random.Random(13)
    states = [
        Condition("hello", [chance.gauss(3.3, 0.3) for _ in range(ROUNDS)], 3).state
        for _ in range(RUNS)
    ]
    # One standard deviation away. Eight of nine rounds below the threshold: 0.16**8.
    assert states.count("fails") == 0
    assert states.count("holds") / RUNS > 0.5
