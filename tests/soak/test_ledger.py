"""The soak's own bookkeeping finds the errors that it must find."""

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


def test_an_unacknowledged_write_may_or_may_not_be_stored() -> None:
    ledger = Ledger()
    ledger.attempt("a", "first")
    ledger.acknowledge("a", "first")
    ledger.attempt("a", "second")
    assert ledger.compare({"a": "first"}) == ledger.compare({"a": "second"}) == []
    assert len(ledger.compare({})) == len(ledger.compare({"a": "third"})) == 1
    assert ledger.unsure == 1


def test_a_request_sent_in_part_must_not_be_stored() -> None:
    ledger = Ledger()
    ledger.forbid("a")
    assert ledger.compare({}) == []
    assert len(ledger.compare({"a": "new"})) == 1


def test_a_refusal_is_excused_during_an_outage_of_what_it_needs() -> None:
    answers = Answers()
    with answers.outage("flask"):
        begun = time.monotonic()
        answers.record(HELLO, "/flask", 503, ["flask", "database"], begun)
        answers.record(HELLO, "/flask", 504, ["flask"], begun)
    # The outage ends when everything works again, but it began earlier.
    answers.record(HELLO, "/flask", 503, ["flask"], begun)
    assert answers.failures == []
    answers.record(HELLO, "/flask", 500, ["flask"], begun)
    answers.record(HELLO, "/django", 503, ["django", "database"], begun)
    answers.record(HELLO, "/flask", 503, ["flask"], time.monotonic())
    assert len(answers.failures) == 3


def test_a_restore_takes_back_what_was_acknowledged_after_the_backup() -> None:
    ledger = Ledger()
    ledger.attempt("old", "new")
    ledger.acknowledge("old", "new")
    backup = {email: {*states} for email, states in ledger.possible.items()}
    ledger.attempt("late", "new")
    ledger.acknowledge("late", "new")
    ledger.attempt("open", "new")
    with ledger.noting() as meanwhile:
        ledger.attempt("meanwhile", "new")
        ledger.acknowledge("meanwhile", "new")
        ledger.attempt("refused", "new")
        ledger.refuse("refused", {None})
    ledger.restore(backup, meanwhile)
    # The restore may have come before its answer.
    ledger.acknowledge("open", "new")
    assert ledger.possible == {
        "old": {"new"},
        "late": {None},
        "open": {None, "new"},
        "meanwhile": {None, "new"},
        "refused": {None},
    }
    assert (ledger.restores, ledger.taken_back) == (1, 1)
    ledger.learn({"old": "new", "meanwhile": "new"}, [])
    assert ledger.possible["meanwhile"] == {"new"}


def test_what_was_written_while_the_users_were_read_is_not_learned() -> None:
    ledger = Ledger()
    with ledger.noting() as meanwhile:
        ledger.attempt("late", "new")
    ledger.restore({}, meanwhile)
    with ledger.noting() as written:
        stored: dict[str, str] = {}  # before the write is stored
        ledger.acknowledge("late", "new")
    ledger.learn(stored, written)
    assert ledger.compare({"late": "new"}) == []


def test_a_refused_write_must_not_be_stored() -> None:
    ledger = Ledger()
    ledger.attempt("a", "old")
    ledger.acknowledge("a", "old")
    ledger.attempt("a", "new")
    ledger.refuse("a", {"old"})
    assert ledger.compare({"a": "old"}) == []
    assert len(ledger.compare({"a": "new"})) == 1
