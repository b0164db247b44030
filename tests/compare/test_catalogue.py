"""Every pair of applications that differs in one thing is told from those that are equal."""

import json

import pytest

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.findings import Comparison, Verdict
from tests.compare.pairs import DIFFERENT, EQUAL, Pair


def compare(pair: Pair) -> Comparison:
    with comparing({"old": pair.old, "new": pair.new}, **pair.options) as ask:
        return ask(pair.method, pair.path, headers=pair.headers)


def test_the_catalogue_is_long_enough() -> None:
    assert len({pair.name for pair in DIFFERENT}) == len(DIFFERENT) >= 60
    assert len({pair.name for pair in EQUAL}) == len(EQUAL) >= 20


@pytest.mark.parametrize("pair", DIFFERENT, ids=str)
def test_a_difference_is_found_and_shown_with_its_values(pair: Pair) -> None:
    comparison = compare(pair)
    assert not comparison.failed, str(comparison)
    found = {difference.place: difference for difference in comparison.differences}
    assert pair.place in found, str(comparison)
    difference = found[pair.place]
    assert difference.kind is pair.kind
    shown = (difference.values.get("old"), difference.values.get("new"))
    assert shown == pair.values
    assert difference.counts == pair.counts
    assert comparison.verdict is (Verdict.DIFFERS if pair.counts else Verdict.EQUAL)
    assert bool(difference.reason) != pair.counts
    json.dumps(comparison.as_dict(), allow_nan=False)


@pytest.mark.parametrize("pair", EQUAL, ids=str)
def test_a_pair_that_differs_in_nothing_that_matters_is_equal(pair: Pair) -> None:
    comparison = compare(pair)
    assert comparison.identical, str(comparison)
    assert all(difference.reason for difference in comparison.differences)
