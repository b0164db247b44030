"""README, the guide and the advice say what the published run has found."""

from typing import Any

import pytest

from showdown.claims import results, wording
from showdown.claims.catalogue import CLAIMS
from showdown.claims.verdicts import Condition, decide, decide_by_database
from showdown.guide import GUIDE, advise
from tests.documents import DOCS, README
from tests.reference import MARKED, filled, published_claims


def claim(name: str, *conditions: Condition) -> dict[str, Any]:
    return {
        "name": name,
        "quote": "3-5x | more",
        "verdict": decide(conditions),
        "databases": decide_by_database(conditions),
        "conditions": [condition.as_document() for condition in conditions],
    }


FASTER = claim(
    "faster",
    Condition("hello, 8 connections: A to B", [3.5] * 9, 3),
    Condition("hello, 64 connections: A to C", [4.25] * 9, 3),
    Condition("users, 64 connections: A to B", [0.5] * 8 + [1.0], 3, database="SQLite"),
    Condition("users, 64 connections: A to B", [2.0] * 4 + [4.0] * 5, 3, database="PostgreSQL"),
    Condition("wait, 512 connections: A to B", [1.0] * 9, 3),
    Condition("kinds: refused by A", [1.0], 1, "of 1", exact=True),
)
RUN = {
    "claims": [FASTER, claim("footprint")],
    "manifest": {
        "created": "2026-01-02T03:04:05+00:00",
        "machine": {"cores": 2, "processor": "a processor"},
        "versions": {"python": "3.11.7"},
        "database": "SQLite 3; PostgreSQL 15",
        "load": {"rounds": 9},
    },
}


def test_intervals_are_grouped_by_state_subject_and_database() -> None:
    assert wording.measured(FASTER) == {
        "holds": "hello 3.5-4.25; kinds 1 of 1",
        "fails": "users on SQLite 0.5; wait 1",
        "undecided": "users on PostgreSQL 2-4",
    }


def test_a_subject_with_several_states_says_how_many_conditions_have_each() -> None:
    mixed = claim(
        "mixed",
        Condition("hello, 8 connections: A to B", [3.5] * 9, 3),
        Condition("hello, 64 connections: A to B", [4.0] * 9, 3),
        Condition("hello, 64 connections: A to C", [1.0] * 9, 3),
    )
    assert wording.measured(mixed) == {
        "holds": "hello 3.5-4 (2 of 3)",
        "fails": "hello 1 (1 of 3)",
    }


def test_too_few_rounds_show_their_range() -> None:
    quick = claim("quick", Condition("hello: A to B", [1.5], 1))
    assert wording.measured(quick) == {"undecided": "hello 1.5"}


def test_the_table_has_a_row_for_each_claim_with_conditions() -> None:
    _, _, row, _, run = wording.table(RUN).splitlines()
    assert row == (
        "| `faster`: 3-5x &#124; more | depends | does not hold | depends"
        " | holds: hello 3.5-4.25; kinds 1 of 1<br>fails: users on SQLite 0.5; wait 1"
        "<br>undecided: users on PostgreSQL 2-4 |"
    )
    assert run == (
        "Run of 2026-01-02: 9 rounds on 2 cores (a processor), Python 3.11.7;"
        " SQLite 3; PostgreSQL 15."
    )


def test_the_summary_lists_the_claims_by_verdict() -> None:
    holds = claim("streaming", Condition("streams: A to B", [4.0] * 9, 3))
    assert wording.summary({"claims": [FASTER, holds]}) == (
        "- Hold: `streaming`\n- Depend on conditions: `faster`"
    )


@pytest.mark.parametrize(
    ("page", "name"), [(DOCS / "measuring.md", "claims"), (README, "claims summary")]
)
def test_pages_quote_the_published_run(page: Any, name: str) -> None:
    text = page.read_text()
    assert name in [found[2] for found in MARKED.finditer(text)]
    assert filled(text) == text, "run python -m tests.reference"
    for one in published_claims()["claims"]:
        assert f"`{one['name']}`" in text or not one["conditions"]


def test_a_changed_verdict_changes_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    published = published_claims()
    changed = [{**one, "verdict": "does not hold"} for one in published["claims"]]
    monkeypatch.setattr(results, "read", lambda _file: {**published, "claims": changed})
    for page in (DOCS / "measuring.md", README):
        assert filled(page.read_text()) != page.read_text()


def test_the_advice_names_claims_of_the_catalogue() -> None:
    named = {name for advice in GUIDE for name in advice.claims}
    assert named <= {*CLAIMS}
    assert len(named) > 5


def test_advice_has_the_verdicts_of_the_run() -> None:
    rows = {row.advice.situation: row for row in advise({"claims": [FASTER]})}
    assert [one["verdict"] for one in rows["An API where throughput matters"].claims] == ["depends"]
    assert not rows["Event streams to many clients"].claims
    assert not any(row.refuted for row in rows.values())
    assert [row.claims for row in advise(None)] == [[]] * len(GUIDE)


def test_advice_is_refuted_by_a_claim_that_does_not_hold() -> None:
    refuted = claim("streaming", Condition("streams: A to B", [1.0] * 9, 3))
    rows = advise({"claims": [FASTER, refuted]})
    assert [row.advice.situation for row in rows if row.refuted] == [
        "Event streams to many clients"
    ]
