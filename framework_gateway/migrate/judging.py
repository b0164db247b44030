"""Let the breakers of a worker know what those of the others have seen."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from framework_gateway.migrate.observations import Observations
from framework_gateway.migrate.options import Rule
from framework_gateway.migrate.rollout import Rollout
from framework_gateway.migrate.windows import SharedWindows


class Judging:
    """What the breakers of all workers have seen of a move.

    Args:
        seen: has the breakers of this worker.
        rollout: knows the rules and the routes that are back.
        windows: what all workers write into the store.
    """

    def __init__(self, seen: Observations, rollout: Rollout, windows: SharedWindows) -> None:
        self.seen = seen
        self.rollout = rollout
        self.windows = windows
        self._others: Mapping[str, Counter[str]] = {}

    async def exchange(self) -> None:
        """Give what the breakers here have counted, and take what those of the others have.

        Raises:
            StoreError: the store is away.
        """
        if not self.seen.breakers:  # nothing is judged here
            self._others = {}
            return
        totals = {route: one.window.totals() for route, one in self.seen.breakers.items()}
        own = {route: counts for route, counts in totals.items() if counts}
        self._others = await asyncio.to_thread(self.windows.exchange, own)
        for route, breaker in self.seen.breakers.items():
            breaker.others = self._others.get(route, Counter())

    def seen_by(self, rule: Rule) -> dict[str, Counter[str]]:
        """Return what is in the windows of the routes that a rule decides about, by route."""
        breakers = self.seen.breakers
        routes = {*breakers, *self._others, *self.rollout.state.trips}
        return {
            route: breakers[route].totals
            if route in breakers
            else self._others.get(route, Counter())
            for route in routes
            if self.rollout.rule_of(route).key == rule.key
        }
