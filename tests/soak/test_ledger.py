"""The soak's own bookkeeping finds what it is there to find."""

import time

from tests.soak.answers import Answers, Request
from tests.soak.ledger import Ledger

HELLO = Request("/api/hello")


def test_an_acknowledged_write_that_is_not_stored_is_found() -> None:
    ledger = Ledger()
    ledger.attempt("a", "new")
    ledger.acknowledge("a", "new")
    ledger.attempt("b", "new")
    ledger.acknowledge("b", "new")
    ledger.attempt("b", None)
    ledger.acknowledge("b", None)
    assert ledger.compare({"a": "new"}) == []
    assert [line.partition(":")[0] for line in ledger.compare({"a": "old", "b": "new"})] == [
        "a",
        "b",
    ]


def test_a_write_that_was_not_acknowledged_may_be_stored_or_not() -> None:
    ledger = Ledger()
    ledger.attempt("a", "first")
    ledger.acknowledge("a", "first")
    ledger.attempt("a", "second")
    assert ledger.compare({"a": "first"}) == ledger.compare({"a": "second"}) == []
    assert len(ledger.compare({})) == len(ledger.compare({"a": "third"})) == 1
    assert ledger.unsure == 1


def test_what_was_sent_in_part_must_not_be_stored() -> None:
    ledger = Ledger()
    ledger.forbid("a")
    assert ledger.compare({}) == []
    assert len(ledger.compare({"a": "new"})) == 1


def test_a_refusal_is_excused_while_something_is_lacking_that_it_needs() -> None:
    answers = Answers()
    with answers.outage("flask"):
        begun = time.monotonic()
        answers.record(HELLO, "/flask", 503, ["flask", "database"], begun)
        answers.record(HELLO, "/flask", 504, ["flask"], begun)
    # It ends when all is well again, but began before.
    answers.record(HELLO, "/flask", 503, ["flask"], begun)
    assert answers.failures == []
    answers.record(HELLO, "/flask", 500, ["flask"], begun)
    answers.record(HELLO, "/django", 503, ["django", "database"], begun)
    answers.record(HELLO, "/flask", 503, ["flask"], time.monotonic())
    assert len(answers.failures) == 3
