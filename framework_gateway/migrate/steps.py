"""Raise the percentage of a rule step by step, as long as its routes do well.

No traffic, no data and an error hold a step; only enough good answers let it pass.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

from framework_gateway.migrate.breaker import Breaker, percent
from framework_gateway.migrate.options import BreakerOptions, Rule, Stage
from framework_gateway.migrate.state import MoveState


class Step(NamedTuple):
    """What happens to a rule.

    Attributes:
        rule: with the next percentage; None to hold.
        reason: why.
    """

    rule: Rule | None
    reason: str


def next_step(
    state: MoveState, rule: Rule, breakers: Mapping[str, Breaker], options: BreakerOptions
) -> Step | None:
    """Return what happens to a rule; None if it has no more steps.

    Args:
        state: the state of the move.
        rule: a rule of the state.
        breakers: those of the routes that the rule decides about, by route.
        options: the thresholds.
    """
    more = [step for step in rule.steps if step > rule.percent]
    if rule.stage is not Stage.LIVE or not more:
        return None
    if reason := reason_to_hold(state, rule, breakers, options):
        return Step(None, reason)
    return Step(rule.model_copy(update={"percent": min(more)}), "all answers are well")


def reason_to_hold(
    state: MoveState, rule: Rule, breakers: Mapping[str, Breaker], options: BreakerOptions
) -> str | None:
    """Return why a rule must wait; None if it need not."""
    if rule.key in state.held:
        return "held"
    if time.time() - state.since.get(rule.key, time.time()) < options.step:
        return "the step is new"
    if tripped := sorted(state.trips.keys() & breakers.keys()):
        return f"{tripped[0]} is back at the old application"
    answers = [breaker.answered("new") for breaker in breakers.values()]
    failed, asked = (sum(one) for one in zip(*answers, strict=True)) if answers else (0, 0)
    if asked < options.volume:
        return f"{asked} answers, {options.volume} are needed"
    if 1 - failed / asked < options.success:
        return f"success {percent(1 - failed / asked)}"
    differing, compared = (
        sum(one) for one in zip(*(each.compared for each in breakers.values()), strict=True)
    )
    if differing > options.differing * compared:
        return f"{differing} of {compared} compared differ"
    return None
