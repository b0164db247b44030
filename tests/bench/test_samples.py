"""Summaries: medians, spreads, ratios round by round, and changes between two runs."""

import pytest

from showdown.bench.results import Change
from showdown.bench.samples import (
    Sample,
    as_documents,
    column,
    from_documents,
    percentiles,
    ratios,
    spread,
)


def sample(rate: float, cpu: float = 100.0) -> Sample:
    return Sample(rate, cpu, 1.0, 2.0, 3.0, 2**20, 1000)


def test_a_spread_is_a_median_with_its_extremes() -> None:
    assert spread([3.0, 1.0, 2.26], 1) == "2.3 (1.0-3.0)"
    assert spread([1000.4]) == "1000 (1000-1000)"


def test_ratios_are_taken_round_by_round() -> None:
    # In the second round, the machine was ten times slower for both.
    ones = [sample(3000), sample(310), sample(2900)]
    others = [sample(1000), sample(100), sample(1000)]
    assert ratios(ones, others, "rate") == [3.0, 3.1, 2.9]
    assert ratios(ones, others, "cpu") == [1.0, 1.0, 1.0]


def test_ratios_of_different_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([sample(1)], [sample(1), sample(2)], "rate")


def test_samples_survive_json() -> None:
    samples = [sample(1.5), sample(2.5)]
    documents = as_documents(samples)
    assert from_documents([{**document, "later": 1} for document in documents]) == samples
    assert column(samples, "rate") == [1.5, 2.5]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([1.0, 2.0], [2.1, 3.0], "more"),
        ([1.0, 2.0], [0.1, 0.9], "less"),
        ([1.0, 2.0], [2.0, 9.0], "no difference beyond the spread"),
        ([1.0, 9.0], [2.0, 3.0], "no difference beyond the spread"),
    ],
)
def test_a_difference_within_the_spread_is_not_a_change(
    old: list[float], new: list[float], verdict: str
) -> None:
    assert Change(("flask", "hello", 8), old, new).verdict == verdict


def test_percentiles_are_those_of_the_times() -> None:
    assert percentiles([*range(101)]) == (50, 95, 99)
