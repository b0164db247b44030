"""The suite of the bridge: its rules stand on cases that are measured."""

import pytest

from showdown.bench.bridge import BRIDGE_SERVERS, CASES, RULES, Rule, rule_cells
from showdown.bench.samples import Sample


def test_every_rule_has_its_cases() -> None:
    names = [case.target.name for case in CASES]
    assert len(set(names)) == len(names) == len({case.name for case in CASES})
    assert {name for rule in RULES for name in (rule.case, rule.other)} <= {*names}
    assert {case.target.server for case in CASES} == {*BRIDGE_SERVERS}


@pytest.mark.parametrize(("at_least", "verdict"), [(2.0, "[green]reached"), (2.5, "[red]missed")])
def test_a_rule_is_held_against_the_median(at_least: float, verdict: str) -> None:
    ones, others = (
        [Sample(rate, 1, 1, 1, 1, 1, 1) for rate in rates] for rates in ([200, 220, 10], [100] * 3)
    )
    cells = rule_cells(Rule("rate", "one", "other", at_least=at_least), ones, others)
    assert cells == ["rate", "one", "other", "2.00 (0.10-2.20)", f"≥ {at_least}", verdict]
