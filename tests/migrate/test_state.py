"""The state of a move: shared by gateways, with a history, and safe while the store is away."""

import logging
from functools import partial
from pathlib import Path

import pytest

from framework_gateway.migrate.options import Rule, Stage
from framework_gateway.migrate.state import MAX_HISTORY, MoveState, replace_rule
from tests.migrate.gateways import Moved, moved
from tests.migrate.test_breaker import open_breaker
from tests.wsgi.server import wait_until

ROUTE = "GET /users/{number}"
LIVE = {"methods": "reads", "stage": "live", "percent": 100, "share": 0}


def state_of(api: Moved) -> MoveState:
    return api.control.rollout.state


def synchronise(api: Moved) -> None:
    assert api.client.portal is not None
    api.client.portal.call(api.control.synchronise)


def test_a_change_reaches_the_other_gateways(tmp_path: Path) -> None:
    with moved(tmp_path) as one, moved(tmp_path) as other:
        one.set(**LIVE)
        wait_until(lambda: state_of(other).rules == state_of(one).rules)
        other.client.get("/api/users/1")
        assert len(other.new.seen) == 1
        (entry,) = [entry for entry in state_of(other).history if entry.who == "test"]
        assert entry.what == "reads *: live 100 %"


def test_gateways_with_other_rules_agree(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE) as one, moved(tmp_path, LIVE | {"stage": "shadow"}) as other:
        wait_until(lambda: state_of(one) == state_of(other))
        assert state_of(one).rules["reads *"].stage is Stage.SHADOW
        assert [entry.who for entry in state_of(one).history] == ["gateway.toml"] * 2


def test_what_people_set_stays_until_the_file_is_edited(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE) as api:
        api.set(**LIVE | {"percent": 5})
    with moved(tmp_path, LIVE) as api:
        assert state_of(api).rules["reads *"].percent == 5
    with moved(tmp_path, LIVE | {"percent": 50}) as api:
        assert state_of(api).rules["reads *"].percent == 50


def test_without_its_store_a_gateway_begins_with_the_old_application(tmp_path: Path) -> None:
    with moved(tmp_path / "missing", LIVE) as api:
        assert api.client.get("/api/users/1").status_code == 200
        assert not api.new.seen
        assert "No such file" in (api.control.fault or "")
        warnings = api.client.get("/health/ready")
        assert warnings.status_code == 200
        assert "move /api" in warnings.text
        (tmp_path / "missing").mkdir()
        wait_until(lambda: state_of(api).rules and api.control.fault is None)


def test_the_last_state_and_the_evidence_outlive_an_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "store"
    directory.mkdir()
    with moved(directory, LIVE) as api:
        assert api.client.portal is not None
        api.client.portal.call(api.control.shared_state.store.close)
        directory.rename(tmp_path / "away")
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                assert api.client.get("/api/users/1").status_code == 200
                synchronise(api)
        assert len(api.new.seen) == 3
        assert caplog.text.count("the last known state of the move goes on") == 1
        (tmp_path / "away").rename(directory)
        wait_until(lambda: api.control.fault is None)
        assert api.counts(ROUTE)["new success"] == 3


def test_steps_pass_with_good_answers_only(tmp_path: Path) -> None:
    rule = LIVE | {"percent": 40, "steps": [40, 100]}
    options = {"step": 0.001, "volume": 3}
    with moved(tmp_path, rule, breaker=options, sticky=["header:X-Client"]) as api:
        change = partial(api.control.change, lambda state: state.with_hold("reads *", "Ada"))
        release = partial(api.control.change, lambda state: state.released("reads *", "Ada"))
        portal = api.client.portal
        assert portal is not None
        synchronise(api)
        assert state_of(api).rules["reads *"].percent == 40  # no traffic holds it
        portal.call(change)
        for number in range(40):
            headers = {"X-Client": str(number)}
            assert api.client.get("/api/users/1", headers=headers).status_code == 200
        assert len(api.new.seen) > 3
        synchronise(api)
        assert state_of(api).rules["reads *"].percent == 40  # a person holds it
        portal.call(release)
        wait_until(lambda: state_of(api).rules["reads *"].percent == 100)
        assert state_of(api).history[-1].who == "steps"


def test_steps_begin_at_0_percent_if_the_shadows_do_well(tmp_path: Path) -> None:
    rule = LIVE | {"percent": 0, "steps": [100], "share": 100}
    with moved(tmp_path, rule, breaker={"step": 0.001, "volume": 3}) as api:
        api.new.mode = "error"
        for _ in range(3):
            api.client.get("/api/users/1")
        api.wait_for(ROUTE, "compared", 3)
        synchronise(api)
        assert state_of(api).rules["reads *"].percent == 0
    other = tmp_path / "other"
    other.mkdir()
    with moved(other, rule, breaker={"step": 0.001, "volume": 3}) as api:
        for _ in range(3):
            api.client.get("/api/users/1")
        wait_until(lambda: state_of(api).rules["reads *"].percent == 100)


def test_workers_judge_together(tmp_path: Path) -> None:
    options = {"volume": 12, "in_a_row": 100}
    with (
        moved(tmp_path, LIVE, breaker=options) as one,
        moved(tmp_path, LIVE, breaker=options) as two,
    ):
        for api in (one, two):
            api.new.mode = "error"
            for _ in range(7):  # fewer than the volume
                assert api.client.get("/api/users/1").status_code == 200
            synchronise(api)
            assert not state_of(api).trips
        synchronise(one)
        one.client.get("/api/users/1")
        assert state_of(one).trips[ROUTE].reason == "success 0 % < 99 %, 15 requests"
        wait_until(lambda: ROUTE in state_of(two).trips)


def test_a_step_waits_for_what_another_worker_sees(tmp_path: Path) -> None:
    rule = LIVE | {"steps": [100], "percent": 50}
    options = {"step": 0.001, "volume": 3, "in_a_row": 100}
    sticky = ["header:X-Client"]
    with (
        moved(tmp_path, rule, breaker=options | {"volume": 1000}, sticky=sticky) as bad,
        moved(tmp_path, rule, breaker=options, sticky=sticky) as good,
    ):
        bad.new.mode = "error"
        for number in range(20):
            bad.client.get("/api/users/1", headers={"X-Client": str(number)})
        synchronise(bad)
        for number in range(20):
            good.client.get("/api/users", headers={"X-Client": str(number)})
        synchronise(good)
        assert state_of(good).rules["reads *"].percent == 50


def test_a_history_is_bounded() -> None:
    state = MoveState()
    for number in range(MAX_HISTORY + 50):
        state = state.with_rule(Rule(percent=number % 100), "Ada")
    assert len(state.history) == MAX_HISTORY


def test_a_breaker_of_a_gateway_with_an_older_file_changes_no_rules(tmp_path: Path) -> None:
    edited = LIVE | {"steps": [100]}
    with moved(tmp_path, LIVE) as one, moved(tmp_path, edited) as other:
        wait_until(lambda: state_of(one) == state_of(other))
        open_breaker(one)
        synchronise(one)
        assert state_of(one).rules["reads *"].steps == [100]
        wait_until(lambda: state_of(other).trips.keys() == {ROUTE})


def test_a_step_does_not_overtake_a_person() -> None:
    rule, step = Rule(stage=Stage.LIVE, percent=10), Rule(stage=Stage.LIVE, percent=50)
    state = MoveState().with_rule(rule, "Ada")
    held = state.with_hold(rule.key, "Ada")
    assert replace_rule(rule, step, state).rules[rule.key] == step
    assert replace_rule(rule, step, held) is held
    assert replace_rule(step, rule, state) is state


def test_to_forget_evidence_stands_in_the_history(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE) as api:
        api.client.get("/api/users/1")
        assert api.counts(ROUTE)["new success"] == 1
        assert api.client.portal is not None
        for route in (ROUTE, "GET /nothing"):
            api.client.portal.call(partial(api.control.forget, route, "Ada"))
        assert api.counts(ROUTE) == {}
        entries = [entry.what for entry in state_of(api).history if entry.who == "Ada"]
        assert entries == [f"{ROUTE}: evidence forgotten"]
