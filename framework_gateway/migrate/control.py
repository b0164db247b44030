"""The life of one move in a gateway: it counts, judges, and keeps up with the store."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import partial
from math import inf
from time import time

from framework_gateway.compare.rules import Rules
from framework_gateway.migrate.evidence import RouteEvidence
from framework_gateway.migrate.judging import Judging
from framework_gateway.migrate.metrics import MoveMetrics
from framework_gateway.migrate.moved_mount import MovedMount
from framework_gateway.migrate.observations import Observations
from framework_gateway.migrate.options import MoveOptions
from framework_gateway.migrate.rollout import Rollout
from framework_gateway.migrate.routes import RouteNames, templates_of
from framework_gateway.migrate.serving import Serving
from framework_gateway.migrate.shadowing import Shadows
from framework_gateway.migrate.sharing import Change, SharedEvidence, SharedState
from framework_gateway.migrate.shown import Shown
from framework_gateway.migrate.state import MoveState, complete_only, replace_rule
from framework_gateway.migrate.steps import next_step
from framework_gateway.migrate.stores import Store, StoreError
from framework_gateway.migrate.testers import Side
from framework_gateway.migrate.webhooks import Webhook
from framework_gateway.migrate.windows import SharedWindows
from framework_gateway.mounts.mount import Mount

logger = logging.getLogger("framework_gateway")

INTERVAL = 1.0  # seconds between two looks at the store


class Control(Shown):
    """Serves a move, counts what happens, and acts on it.

    Args:
        path: the prefix.
        mounts: both applications; they are loaded.
        options: those of the move.
        store: where state and evidence are.
        rules: what counts in a comparison.
        secret: signs the marks of testers.
        metrics: None to count nothing for Prometheus.
        request_timeout: seconds that the gateway gives to a request, if the mount says nothing.
    """

    def __init__(
        self,
        path: str,
        mounts: dict[Side, Mount],
        options: MoveOptions,
        store: Store,
        rules: Rules,
        secret: str | None = None,
        metrics: MoveMetrics | None = None,
        request_timeout: float = inf,
    ) -> None:
        self.path = path
        self.mounts = mounts
        self.options = options
        self.shared_state = SharedState(store, path)
        self.shared_evidence = SharedEvidence(store, path, options.evidence)
        self.store_fault = None
        url = options.breaker.webhook
        self.webhook = Webhook(None if url is None else str(url))
        self._opened: dict[str, str] = {}  # breakers that the store does not know yet
        self._pending: dict[str, RouteEvidence] = {}  # what the store may have, or not
        self._batch = ""  # names what is pending
        self._storing = asyncio.Lock()
        templates = templates_of(*(mount.application for mount in mounts.values()))
        of_rules = (rule.route for rule in options.rules if "*" not in rule.route)
        names = RouteNames([*templates, *of_rules])
        self.rollout = Rollout(path, names, options.sticky, secret)
        self.rollout.state = complete_only(options.rules)
        self.seen = seen = Observations(path, options, metrics, self._open, self._known)
        windows = SharedWindows(store, path, options.breaker.window)
        self.judging = Judging(seen, self.rollout, windows)
        self.shadows = Shadows(path, mounts, options.limits, rules, seen.observe, seen.note_loss)
        own = mounts["old"].request_timeout
        limit = request_timeout if own is None else own
        serving = Serving(mounts, options, self.rollout, self.shadows, seen, limit)
        self.mount = MovedMount(mounts["old"], serving)

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
        stop = asyncio.Event()
        task = asyncio.create_task(self._keep_up(stop), context=Context())
        try:
            yield
        finally:
            # Not cancelled: what a thread is about to store would be stored twice.
            stop.set()
            await task
            await self.shadows.close()
            await self.webhook.close()
            await self.synchronise()
            await asyncio.to_thread(self.shared_state.store.close)

    async def _keep_up(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            # The interval between two looks at the store, unless the gateway stops.
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await stop.wait()
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
        opened, is_new = dict(self._opened), self.rollout.state.file == ""
        if opened or is_new:
            change = partial(self._with_own, opened, is_new)
            state, _ = await asyncio.to_thread(self.shared_state.change, change)
        else:
            state = await asyncio.to_thread(self.shared_state.read)
        for route in opened:
            self._opened.pop(route, None)
        self.apply(state)
        await self.judging.exchange()
        await self._step()
        await self._flush()

    def _with_own(self, opened: Mapping[str, str], is_new: bool, state: MoveState) -> MoveState:
        """Return a state with the rules of the configuration, and with breakers that opened."""
        if is_new:  # later, a gateway with an older file must not undo what others have set
            state = state.with_file(self.options.rules)
        return state.with_trips(opened)

    def apply(self, state: MoveState) -> None:
        """Serve by a state of the store; keep the breakers that opened meanwhile."""
        for route in self.rollout.state.trips.keys() - state.trips.keys() - self._opened.keys():
            if route in self.seen.breakers:  # a person has released it
                self.seen.breakers[route].reset()
        state = state.with_trips(self._opened)
        if state != self.rollout.state:
            self.rollout.state = state
            self.seen.keep_breakers(lambda route: self.rollout.rule_of(route).is_judged)

    async def _step(self) -> None:
        """Take the next step of each rule whose routes do well."""
        for rule in [*self.rollout.state.rules.values()]:
            if not rule.steps:
                continue
            step = next_step(
                self.rollout.state, rule, self.judging.seen_by(rule), self.options.breaker
            )
            if step is None or step.rule is None:
                continue
            change = partial(replace_rule, rule, step.rule)
            state, has_changed = await asyncio.to_thread(self.shared_state.change, change)
            if has_changed:
                logger.warning("%s: %s: %s", self.path, rule.key, step.rule.words)
            self.apply(state)

    async def _flush(self) -> None:
        """Add the evidence of this process to that of the others."""
        async with self._storing:
            # What the store may have taken already is not mixed with what has come since then.
            await self._store_pending()
            # Once, and not until there is none: under load, more comes all the time.
            self._pending, self.seen.evidence = self.seen.evidence, {}
            self._batch = secrets.token_hex(4)
            await self._store_pending()

    async def _store_pending(self) -> None:
        for route, more in [*self._pending.items()]:
            await asyncio.to_thread(self.shared_evidence.add, route, more, self._batch)
            self._pending.pop(route, None)

    def _known(self, route: str) -> Sequence[RouteEvidence]:
        """Return what was counted of a route before the evidence that is being gathered."""
        found = (self.shared_evidence.known(route), self._pending.get(route))
        return [one for one in found if one is not None]

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
        # Shielded: a reader that leaves must not have anything stored twice.
        await asyncio.shield(asyncio.create_task(self._flush(), context=Context()))
        return await asyncio.to_thread(self.shared_evidence.read)

    async def forget(self, route: str, who: str) -> None:
        """Forget the evidence of a route, if there is any.

        Raises:
            StoreError: the store is away.
        """
        self.seen.evidence.pop(route, None)
        self._pending.pop(route, None)
        self.shadows.forget(route)
        if await asyncio.to_thread(self.shared_evidence.reset, route):
            await self.change(lambda state: state.forgotten(route, who))
