"""Raise the percentage of a rule step by step, as long as its routes do well.

No traffic, no data and an error hold a step; only enough good answers let it pass.
"""

import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from framework_gateway.migrate.bounds import BreakerOptions
from framework_gateway.migrate.breaker import SHADOW, answered_in, compared_in, percent
from framework_gateway.migrate.options import Rule, Stage
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
    state: MoveState, rule: Rule, seen: Mapping[str, Counter[str]], options: BreakerOptions
) -> Step | None:
    """Return what happens to a rule; None if it has no more steps.

    Args:
        state: the state of the move.
        rule: a rule of the state.
        seen: what the breakers of all workers have in their windows, by route, of the routes that
            the rule decides about.
        options: the thresholds.
    """
    more = [step for step in rule.steps if step > rule.percent]
    if rule.stage is not Stage.LIVE or not more:
        return None
    if reason := reason_to_hold(state, rule, seen, options):
        return Step(None, reason)
    return Step(rule.model_copy(update={"percent": min(more)}), "all answers are well")


def reason_to_hold(
    state: MoveState, rule: Rule, seen: Mapping[str, Counter[str]], options: BreakerOptions
) -> str | None:
    """Return why a rule must wait; None if it need not."""
    if rule.key in state.held:
        return "held"
    if time.time() - state.since.get(rule.key, time.time()) < options.step:
        return "the step is new"
    if tripped := sorted(state.trips.keys() & seen.keys()):
        return f"{tripped[0]} is back at the old application"
    total = sum(seen.values(), Counter[str]())
    # At 0 % no client gets an answer of the new application, but its shadows do.
    failed, asked = answered_in(total, "new" if rule.percent else SHADOW)
    if asked < options.volume:
        return f"{asked} answers, {options.volume} are needed"
    if 1 - failed / asked < options.success:
        return f"success {percent(1 - failed / asked)}"
    differing, compared = compared_in(total)
    if differing > options.differing * compared:
        return f"{differing} of {compared} compared differ"
    return None
