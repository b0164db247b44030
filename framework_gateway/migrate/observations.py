"""Count what happens to the requests of a move, and let its breakers judge it."""

from collections.abc import Callable, Sequence

from framework_gateway.compare.findings import Comparison, Difference
from framework_gateway.compare.pointers import Pointers
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.breaker import Breaker
from framework_gateway.migrate.evidence import DIFFERING, EQUAL, NOISY, RouteEvidence
from framework_gateway.migrate.jobs import Job
from framework_gateway.migrate.metrics import MoveMetrics
from framework_gateway.migrate.options import MoveOptions
from framework_gateway.migrate.rarely import RareLog
from framework_gateway.migrate.recording import Loss
from framework_gateway.migrate.rollout import Decision
from framework_gateway.migrate.sharing import OTHER_ROUTE
from framework_gateway.migrate.testers import Side


class Observations:
    """What a process has seen of a move.

    Args:
        path: the prefix.
        options: those of the move.
        metrics: None to count nothing for Prometheus.
        on_open: called with a route that must go back to the old application, and the reason.
        known: returns what was counted of a route before.

    Attributes:
        evidence: what has come since it was last handed on, by route.
        breakers: by route.
    """

    def __init__(
        self,
        path: str,
        options: MoveOptions,
        metrics: MoveMetrics | None,
        on_open: Callable[[str, str], object],
        known: Callable[[str], Sequence[RouteEvidence]],
    ) -> None:
        self.path = path
        self.options = options
        self.metrics = metrics
        self.on_open = on_open
        self.known = known
        self.evidence: dict[str, RouteEvidence] = {}
        self.breakers: dict[str, Breaker] = {}
        self._show = Pointers(options.show)
        self._log = RareLog()

    def note_request(self, route: str) -> None:
        """Count a request."""
        self.evidence_of(route).counts["requests"] += 1

    def note_answer(
        self, decision: Decision, side: Side, outcome: Outcome, seconds: float, reason: str
    ) -> None:
        """Count an answer; open the breaker if it is the one too many."""
        route = decision.route
        self.evidence_of(route).add_answer(side, outcome, seconds)
        if self.metrics is not None:
            self.metrics.count_answer(self.path, route, side, outcome)
            if outcome is Outcome.SUCCESS:
                self.metrics.observe(self.path, route, side, seconds)
        if outcome is Outcome.FAILURE and side == "new":
            self._log.warn(route, f"{self.path}: {route} failed at the new application: {reason}")
        breaker = self._breaker(decision)
        if breaker is not None and (why := breaker.note_answer(side, outcome)):
            self.on_open(route, why)

    def note_fallback(self, route: str) -> None:
        """Count an answer of the old application in place of the new one."""
        self.evidence_of(route).counts["fallback"] += 1
        if self.metrics is not None:
            self.metrics.count_fallback(self.path, route)

    def note_loss(self, route: str, loss: Loss) -> None:
        """Count a request without a shadow."""
        self.evidence_of(route).counts[loss] += 1
        if self.metrics is not None:
            self.metrics.count_shadow(self.path, route, loss)

    def observe(self, job: Job, comparison: Comparison, again: Sequence[Difference] | None) -> None:
        """Count a comparison; open the breaker if too many differ."""
        evidence = self.evidence_of(job.route)
        # Once a second, the evidence here begins anew; what is noise must not.
        known = self.known(job.route)
        result = evidence.add_comparison(job.route, comparison, again, self._show, known)
        breaker = self.breakers.get(job.route)
        for answer in comparison.answers:
            if answer.target == job.side:
                continue
            side: Side = "old" if answer.target == "old" else "new"
            failed = answer.error is not None or answer.status >= 500
            if not failed:
                evidence.latencies[side].add(answer.seconds)
                if self.metrics is not None:
                    self.metrics.observe(self.path, job.route, side, answer.seconds)
            if breaker is not None:
                breaker.note_shadow(side, Outcome.FAILURE if failed else Outcome.SUCCESS)
        if self.metrics is not None:
            self.metrics.count_shadow(self.path, job.route, result)
            if result == DIFFERING:
                kinds = evidence.kinds(comparison, known)
                self.metrics.count_differences(self.path, job.route, kinds)
        if breaker is not None and result in (EQUAL, NOISY, DIFFERING):
            why = breaker.note_comparison(result == DIFFERING)
            if why is not None:
                self.on_open(job.route, why)

    def keep_breakers(self, is_judged: Callable[[str], bool]) -> None:
        """Forget the breakers of routes that the new application does not answer any more.

        Args:
            is_judged: whether a breaker still judges a route.
        """
        for route in [route for route in self.breakers if not is_judged(route)]:
            del self.breakers[route]

    def evidence_of(self, route: str) -> RouteEvidence:
        """Return the evidence of a route, to add to it."""
        found = self.evidence.get(route)
        if found is None:
            if len(self.evidence) >= self.options.evidence.routes:
                route = OTHER_ROUTE
            found = self.evidence.setdefault(route, RouteEvidence(bounds=self.options.evidence))
        return found

    def _breaker(self, decision: Decision) -> Breaker | None:
        """Return the breaker of a route; only those that the new application answers have one."""
        if not decision.rule.is_judged:
            return None
        found = self.breakers.get(decision.route)
        if found is None and len(self.breakers) < self.options.evidence.routes:
            found = self.breakers[decision.route] = Breaker(self.options.breaker)
        return found
