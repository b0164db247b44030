"""Rules compare medians, of ratios or of figures, with bounds."""

import json

import pytest

from showdown.bench.rules import Rule
from showdown.bench.samples import Sample
from showdown.bench.tables import verdict

SAMPLES = {
    name: [Sample(rate, 1, 1, latency, 1, 1, 1) for rate, latency in rows]
    for name, rows in {
        "one": [(200, 20.0), (220, 30.0), (10, 40.0)],
        "other": [(100, 1.0)] * 3,
    }.items()
}


@pytest.mark.parametrize(("at_least", "expected"), [(2.0, "reached"), (2.5, "missed")])
def test_a_rule_is_compared_with_the_median(at_least: float, expected: str) -> None:
    row = verdict(Rule("rate", "one", "other", at_least=at_least), SAMPLES)
    bound = f"≥ {at_least:g}"
    assert row == ["requests/s", "one", "other", "2.00 (0.10-2.20)", bound, expected]


@pytest.mark.parametrize(("at_most", "expected"), [(30, "reached"), (29.9, "missed")])
def test_a_rule_without_another_case_bounds_the_figure_itself(
    at_most: float, expected: str
) -> None:
    row = verdict(Rule("p95", "one", at_most=at_most), SAMPLES)
    assert row == ["p95 ms", "one", "", "30.0 (20.0-40.0)", f"≤ {at_most:g}", expected]


def test_a_ratio_without_bounds_is_only_shown() -> None:
    assert verdict(Rule("rate", "one", "other"), SAMPLES)[-2:] == ["", ""]


def test_a_rule_survives_json() -> None:
    for rule in (Rule("rate", "one", "other", at_least=2), Rule("p95", "one", at_most=20)):
        text = json.dumps(rule.as_document(), allow_nan=False)
        assert Rule(**json.loads(text)) == rule
