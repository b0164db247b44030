"""Serve the requests of a move by the application that is chosen."""

from typing import Protocol

from starlette.types import Receive, Scope, Send

from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.jobs import MARK
from framework_gateway.migrate.moved import MovedRequest
from framework_gateway.migrate.options import MoveOptions, Stage
from framework_gateway.migrate.recording import Loss
from framework_gateway.migrate.rollout import Decision, Rollout
from framework_gateway.migrate.shadowing import Shadows
from framework_gateway.migrate.testers import HEADER, Side
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import MOUNT

MARKS = frozenset([MARK, HEADER])  # no application sees them from a client


class Observer(Protocol):
    """Is told what happens to requests."""

    def note_request(self, route: str) -> None:
        """A request has come."""

    def note_answer(
        self, decision: Decision, side: Side, outcome: Outcome, seconds: float, reason: str
    ) -> None:
        """An application has answered, or has failed to."""

    def note_fallback(self, route: str) -> None:
        """The old application has answered in place of the new one."""

    def note_loss(self, route: str, loss: Loss) -> None:
        """A request has no shadow, although it should have one."""


class Serving:
    """What serves the requests below the prefix of a move.

    Args:
        mounts: both applications.
        options: those of the move.
        rollout: decides which application answers.
        shadows: compare the answers.
        observer: counts what happens.
        limit: seconds until the gateway ends a request.

    Attributes:
        timeout: seconds until the old application answers in place of the new one; it always gets
            half of the time.
    """

    def __init__(
        self,
        mounts: dict[Side, Mount],
        options: MoveOptions,
        rollout: Rollout,
        shadows: Shadows,
        observer: Observer,
        limit: float,
    ) -> None:
        self.mounts = mounts
        self.options = options
        self.rollout = rollout
        self.shadows = shadows
        self.observer = observer
        self.limit = limit
        self.timeout = min(options.timeout, limit / 2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = self.rollout.decide(scope)
        if any(name in MARKS for name, _ in scope["headers"]):
            scope["headers"] = [one for one in scope["headers"] if one[0] not in MARKS]
        self.observer.note_request(decision.route)
        if scope["type"] != "http":
            return await self.call(decision.side, scope, receive, send)
        if decision.rule.stage is Stage.OFF and decision.side == "old" and not decision.is_tester:
            return await self.call("old", scope, receive, send)
        await MovedRequest(self, decision, scope, receive, send).run()

    async def call(self, side: Side, scope: Scope, receive: Receive, send: Send) -> None:
        """Call one of the applications."""
        mount = self.mounts[side]
        if side == "new":
            scope["endpoint"] = mount.app
            scope[MOUNT] = mount.label
        await mount.serve(scope, receive, send)
