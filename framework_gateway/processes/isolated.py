"""An ASGI application that passes each request on to processes of its own."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import ExitStack, suppress

from starlette.types import Receive, Scope, Send

from framework_gateway.processes.plan import Plan
from framework_gateway.processes.states import ProcessStates
from framework_gateway.processes.supervisor import run_supervisors
from framework_gateway.proxy.options import UpstreamOptions
from framework_gateway.proxy.upstream import Upstream

INTERVAL = 0.1  # seconds between two looks at the addresses
MARGIN = 0.9  # of start_timeout: what waits for longer counts as an application that hangs


class Isolated(Upstream):
    """Serves an application in processes of its own.

    It starts them with its lifespan and stops them at its end, unless another process supervises
    them, as the parent of several workers does.

    Args:
        plan: what to run.
        options: those of the way to the processes.
        states: of processes that are supervised elsewhere; None to supervise them here.
    """

    def __init__(
        self, plan: Plan, options: UpstreamOptions, states: ProcessStates | None = None
    ) -> None:
        # The servers know the prefix, so that their own addresses are right.
        changes = {"strip_prefix": plan.strips_prefix, "rewrite": bool(options.rewrite)}
        super().__init__([], options.model_copy(update=changes), is_own_process=True)
        self.plan = plan
        self.is_supervised = states is not None
        self.states = states or ProcessStates.create(plan)
        self._generation = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan":
            self._follow()
            self.states.mount.requests += 1
        return super().__call__(scope, receive, send)

    @property
    def fault(self) -> str | None:
        """Why no request is served, as one line; None if a process runs and answers."""
        return self.states.explain() if self.states.is_down else super().fault

    def _follow(self) -> None:
        """Pass requests on to the processes that run now."""
        generation = self.states.mount.generation
        if generation != self._generation:
            self._generation = generation
            self.set_addresses([f"unix:{path}" for path in self.states.addresses])

    async def _keep_following(self) -> None:
        """Close idle connections to processes that are gone, even if there are no requests."""
        while True:
            self._follow()
            # The interval between two looks.
            await asyncio.sleep(INTERVAL)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        following = asyncio.create_task(self._keep_following())
        stack = ExitStack()
        if not self.is_supervised:
            stack.enter_context(run_supervisors({self.plan: self.states}))
        try:
            await self._wait_for_start()
            await super()._run_lifespan(receive, send)
        finally:
            following.cancel()
            await asyncio.to_thread(stack.close)

    async def _wait_for_start(self) -> None:
        """Wait until a process answers or has failed; a failed one is started again."""
        mount = self.states.mount
        with suppress(TimeoutError):
            async with asyncio.timeout(MARGIN * self.plan.start_timeout):
                while self.states.is_down and not mount.attempts:
                    # The interval between two looks.
                    await asyncio.sleep(INTERVAL)


def states_of(applications: Iterable[object]) -> list[ProcessStates]:
    """Return the states of those applications that run in processes of their own."""
    return [one.states for one in applications if isinstance(one, Isolated)]
