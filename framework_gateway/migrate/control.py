"""The life of one move in a gateway: it counts, judges, and keeps up with the store."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import partial
from time import time

from framework_gateway.compare.findings import Comparison, Difference
from framework_gateway.compare.pointers import Pointers
from framework_gateway.compare.rules import Rules
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.breaker import Breaker
from framework_gateway.migrate.evidence import DIFFERING, EQUAL, NOISY, RouteEvidence
from framework_gateway.migrate.jobs import Job
from framework_gateway.migrate.metrics import MoveMetrics
from framework_gateway.migrate.moved_mount import MovedMount
from framework_gateway.migrate.options import MoveOptions, Rule, Stage
from framework_gateway.migrate.recording import Loss
from framework_gateway.migrate.rollout import Decision, Rollout
from framework_gateway.migrate.routes import RouteNames, templates_of
from framework_gateway.migrate.serving import Serving
from framework_gateway.migrate.shadowing import Shadows
from framework_gateway.migrate.sharing import Change, SharedEvidence, SharedState
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.steps import next_step
from framework_gateway.migrate.stores import Store, StoreError
from framework_gateway.migrate.testers import Side
from framework_gateway.migrate.webhooks import Webhook
from framework_gateway.mounts.mount import Mount

logger = logging.getLogger("framework_gateway")

INTERVAL = 1.0  # seconds between two looks at the store
MAX_ROUTES = 300  # routes with evidence of their own; further ones are counted together
OTHER_ROUTE = "others"


class Control:
    """Serves a move, counts what happens, and acts on it.

    Args:
        path: the prefix.
        mounts: both applications; they are loaded.
        options: those of the move.
        store: where state and evidence are.
        rules: what counts in a comparison.
        secret: signs the marks of testers.
        metrics: None to count nothing for Prometheus.
    """

    restarts = 0  # as of a background task; see ``observability.watched``

    def __init__(
        self,
        path: str,
        mounts: dict[Side, Mount],
        options: MoveOptions,
        store: Store,
        rules: Rules,
        secret: str | None = None,
        metrics: MoveMetrics | None = None,
    ) -> None:
        self.path = path
        self.mounts = mounts
        self.options = options
        self.metrics = metrics
        self.shared_state = SharedState(store, path)
        self.shared_evidence = SharedEvidence(store, path)
        self.store_fault: str | None = None
        self.evidence: dict[str, RouteEvidence] = {}  # what the store does not have yet
        self.breakers: dict[str, Breaker] = {}
        url = options.breaker.webhook
        self.webhook = Webhook(None if url is None else str(url))
        self._show = Pointers(options.show)
        self._opened: dict[str, str] = {}  # breakers that the store does not know yet
        self._decided: dict[str, str] = {}  # the rule of each route with a breaker, by its key
        known = templates_of(*(mount.application for mount in mounts.values()))
        of_rules = (rule.route for rule in options.rules if "*" not in rule.route)
        names = RouteNames([*known, *of_rules])
        self.rollout = Rollout(path, names, options.sticky, secret)
        self.rollout.state = complete_only(options.rules)
        self.shadows = Shadows(path, mounts, options.limits, rules, self.observe, self.note_loss)
        serving = Serving(mounts, options, self.rollout, self.shadows, self)
        self.mount = MovedMount(mounts["old"], serving)

    # What the serving of requests tells

    def note_request(self, route: str) -> None:
        """Count a request."""
        self._evidence(route).counts["requests"] += 1

    def note_answer(
        self, decision: Decision, side: Side, outcome: Outcome, seconds: float, reason: str
    ) -> None:
        """Count an answer; open the breaker if it is the one too many."""
        route = decision.route
        self._evidence(route).add_answer(side, outcome, seconds)
        if self.metrics is not None:
            self.metrics.count_answer(self.path, route, side, outcome)
        if outcome is Outcome.FAILURE and side == "new":
            logger.warning("%s: %s failed at the new application: %s", self.path, route, reason)
        breaker = self._breaker(decision)
        if breaker is not None and (why := breaker.note_answer(side, outcome)):
            self._open(route, why)

    def note_fallback(self, route: str) -> None:
        """Count an answer of the old application in place of the new one."""
        self._evidence(route).counts["fallback"] += 1
        if self.metrics is not None:
            self.metrics.count_fallback(self.path, route)

    def note_loss(self, route: str, loss: Loss) -> None:
        """Count a request without a shadow."""
        self._evidence(route).counts[loss] += 1
        if self.metrics is not None:
            self.metrics.count_shadow(self.path, route, loss)

    def observe(self, job: Job, comparison: Comparison, again: Sequence[Difference] | None) -> None:
        """Count a comparison; open the breaker if too many differ."""
        evidence = self._evidence(job.route)
        result = evidence.add_comparison(job.route, comparison, again, self._show)
        for answer in comparison.answers:
            if answer.target == job.side:
                continue
            side: Side = "old" if answer.target == "old" else "new"
            failed = answer.error is not None or answer.status >= 500
            if not failed:
                evidence.latencies[side].add(answer.seconds)
            if (breaker := self.breakers.get(job.route)) is not None and side == "old":
                breaker.note_answer(side, Outcome.FAILURE if failed else Outcome.SUCCESS)
        if self.metrics is not None:
            self.metrics.count_shadow(self.path, job.route, result)
        breaker = self.breakers.get(job.route)
        if breaker is not None and result in (EQUAL, NOISY, DIFFERING):
            why = breaker.note_comparison(result == DIFFERING)
            if why is not None:
                self._open(job.route, why)

    def _evidence(self, route: str) -> RouteEvidence:
        found = self.evidence.get(route)
        if found is None:
            if len(self.evidence) >= MAX_ROUTES:
                route = OTHER_ROUTE
            found = self.evidence.setdefault(route, RouteEvidence())
        return found

    def _breaker(self, decision: Decision) -> Breaker | None:
        """Return the breaker of a route; only those that the new application answers have one."""
        if decision.rule.stage not in (Stage.LIVE, Stage.RAMPDOWN):
            return None
        found = self.breakers.get(decision.route)
        if found is None and len(self.breakers) < MAX_ROUTES:
            found = self.breakers[decision.route] = Breaker(self.options.breaker)
        self._decided[decision.route] = decision.rule.key
        return found

    def _open(self, route: str, reason: str) -> None:
        """Take a route back to the old application, here at once, elsewhere by the store."""
        state = self.rollout.state.with_trip(route, reason)
        if state is self.rollout.state:
            return
        logger.error("%s: %s goes back to the old application: %s", self.path, route, reason)
        self.rollout.state = state
        self._opened[route] = reason
        message = {"event": "breaker", "move": self.path or "/", "route": route}
        self.webhook.send({**message, "reason": reason, "when": time()})

    # What happens in the background

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep up with the store until the block ends."""
        await self.synchronise()
        task = asyncio.create_task(self._keep_up(), context=Context())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.shadows.close()
            await self.webhook.close()
            await self.synchronise()
            await asyncio.to_thread(self.shared_state.store.close)

    async def _keep_up(self) -> None:
        while True:
            # The interval between two looks at the store.
            await asyncio.sleep(INTERVAL)
            try:
                await self.synchronise()
            # Whatever goes wrong here, the next look must still come; nothing moves on meanwhile.
            except Exception:
                logger.exception("%s: the state of the move could not be kept up", self.path)

    async def synchronise(self) -> None:
        """Exchange state and evidence with the store; one that is away changes nothing here."""
        try:
            await self._exchange()
        except StoreError as error:
            if self.store_fault is None:
                logger.error("%s: the last known state of the move goes on: %s", self.path, error)
            self.store_fault = str(error)
            return
        if self.store_fault is not None:
            logger.warning("%s: the store of the move answers again", self.path)
        self.store_fault = None

    async def _exchange(self) -> None:
        opened = dict(self._opened)
        changing = bool(opened) or self.rollout.state.file == ""
        if changing:
            work = partial(self.shared_state.change, partial(self._with_own, opened))
            state, _ = await asyncio.to_thread(work)
        else:
            state = await asyncio.to_thread(self.shared_state.read)
        for route in opened:
            self._opened.pop(route, None)
        self.apply(state)
        await self._step()
        await self._flush()

    def _with_own(self, opened: Mapping[str, str], state: MoveState) -> MoveState:
        """Return a state with the rules of the configuration, and with breakers that opened."""
        state = state.with_file(self.options.rules)
        for route, reason in opened.items():
            state = state.with_trip(route, reason)
        return state

    def apply(self, state: MoveState) -> None:
        """Serve by a state of the store; keep the breakers that opened meanwhile."""
        for route in self.rollout.state.trips.keys() - state.trips.keys() - self._opened.keys():
            if route in self.breakers:  # a person has released it
                self.breakers[route].reset()
        for route, reason in self._opened.items():
            state = state.with_trip(route, reason)
        if state != self.rollout.state:
            self.rollout.state = state

    async def _step(self) -> None:
        """Take the next step of each rule whose routes do well."""
        for rule in [*self.rollout.state.rules.values()]:
            routes = [route for route, key in self._decided.items() if key == rule.key]
            breakers = {route: self.breakers[route] for route in routes if route in self.breakers}
            step = next_step(self.rollout.state, rule, breakers, self.options.breaker)
            if step is None or step.rule is None:
                continue
            change = partial(replace_rule, rule, step.rule)
            state, has_changed = await asyncio.to_thread(self.shared_state.change, change)
            if has_changed:
                logger.warning("%s: %s: %s", self.path, rule.key, step.rule.words)
            self.apply(state)

    async def _flush(self) -> None:
        """Add the evidence of this process to that of the others."""
        while self.evidence:
            route, more = self.evidence.popitem()
            try:
                await asyncio.to_thread(self.shared_evidence.add, route, more)
            except BaseException:
                # Also when this task is cancelled: nothing is lost before it is stored.
                self._evidence(route).add(more)
                raise

    # What people do

    async def change(self, change: Change) -> MoveState:
        """Change the state for all workers and gateways.

        Raises:
            StoreError: the store is away.
        """
        state, _ = await asyncio.to_thread(self.shared_state.change, change)
        self.apply(state)
        return state

    async def everything(self) -> Mapping[str, RouteEvidence]:
        """Return the evidence of all workers, by route.

        Raises:
            StoreError: the store is away.
        """
        await self._flush()
        return await asyncio.to_thread(self.shared_evidence.read)

    # What readiness and the metrics show

    @property
    def fault(self) -> str | None:
        """What a person should look at, as one line."""
        new = self.mounts["new"]
        if reason := new.failure or new.fault:
            return reason
        if self.store_fault is not None:
            return f"the store of the move is away: {self.store_fault}"
        return None

    @property
    def waiting(self) -> int:
        """Shadows in the queue."""
        return self.shadows.waiting

    @property
    def running_shadows(self) -> int:
        """Shadows that run."""
        return self.shadows.running

    @property
    def memory(self) -> int:
        """Bytes that are kept for shadows."""
        return self.options.limits.memory - self.shadows.budget.free

    @property
    def trips(self) -> int:
        """Routes that are back at the old application."""
        return len(self.rollout.state.trips)

    @property
    def store_is_up(self) -> bool:
        """Whether the store has answered."""
        return self.store_fault is None


def complete_only(rules: Sequence[Rule]) -> MoveState:
    """Return the state until the store has answered: a breaker may have opened before a restart."""
    return MoveState(rules={rule.key: rule for rule in rules if rule.stage is Stage.COMPLETE})


def replace_rule(old: Rule, new: Rule, state: MoveState) -> MoveState:
    """Replace a rule unless another process has done so."""
    return state.with_rule(new, "steps") if state.rules.get(old.key) == old else state
