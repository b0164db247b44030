"""Ask the other application after the answer, and compare; the client never waits for it."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import replace
from time import perf_counter

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.types import ASGIApp

from framework_gateway.compare.comparer import AGAIN, compare_rounds
from framework_gateway.compare.differences import find_differences
from framework_gateway.compare.findings import Comparison, Difference
from framework_gateway.compare.messages import Answer, Failure, Headers, NoAnswer, Request
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.targets import IN_PROCESS, Application
from framework_gateway.migrate.attempts import RAISED
from framework_gateway.migrate.bounds import Limits
from framework_gateway.migrate.jobs import Job, Timed
from framework_gateway.migrate.options import SAFE
from framework_gateway.migrate.rarely import RareLog
from framework_gateway.migrate.recording import Budget, Loss
from framework_gateway.migrate.refusals import Busy, refuse_for
from framework_gateway.migrate.testers import Side
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import Mounts
from framework_gateway.mounts.threads import GATEWAY, current_threads
from framework_gateway.observability.observer import is_fault
from framework_gateway.processes.isolated import Isolated
from framework_gateway.proxy.upstream import Upstream

SMALL = 8 * 1024  # bytes of both bodies; a thread compares larger ones, for clients must not wait
STOP_WAIT = 2.0  # seconds for shadows to end when the gateway stops
ALWAYS_TWICE = 20  # comparisons of a route that always ask the old application twice
Observe = Callable[[Job, Comparison, Sequence[Difference] | None], object]
Count = Callable[[str, Loss], object]


class Shadows:
    """Sends shadows within limits, from a queue.

    Args:
        prefix: the prefix of both applications.
        mounts: both applications.
        limits: what shadows may use.
        rules: what counts in a comparison.
        observe: is given each comparison, and how the old application differs from itself if it
            was asked twice.
        count: counts requests without a shadow.

    Attributes:
        budget: the memory for the bodies.
    """

    def __init__(
        self,
        prefix: str,
        mounts: dict[Side, Mount],
        limits: Limits,
        rules: Rules,
        observe: Observe,
        count: Count,
    ) -> None:
        self.prefix = prefix
        self.limits = limits
        self.rules = rules
        self.observe = observe
        self.count = count
        self.budget = Budget(limits.memory)
        self._apps: dict[Side, ASGIApp] = {
            side: Mounts(Starlette(), [mount], refuse=refuse_for(mount))
            for side, mount in mounts.items()
        }
        self._mounts = mounts
        self._queue: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._limiter: CapacityLimiter | None = None
        self._twice: dict[str, int] = {}
        self._is_closed = False
        self._log = RareLog()

    @property
    def waiting(self) -> int:
        """The number of shadows in the queue."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """The number of shadows that run."""
        return len(self._tasks)

    def submit(self, job: Job) -> None:
        """Queue a shadow, or drop it if there is no room."""
        has_slot = len(self._tasks) < self.limits.concurrency
        if self._is_closed or not (has_slot or len(self._queue) < self.limits.queue):
            self.budget.give(job.size)
            self.count(job.route, Loss.FULL)
            return
        self._queue.append(job)
        if has_slot:
            self._start_task()

    def _start_task(self) -> None:
        # A context of its own: the shadow belongs to no request and to no mount.
        task = asyncio.create_task(self._work(), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._queue:  # a shadow was queued after the task had looked for the last time
            self._start_task()

    async def _work(self) -> None:
        """Send shadows until the queue is empty."""
        while self._queue:
            job = self._queue.popleft()
            size = 2 * self.limits.body  # of the answer, and of one for the noise
            has_room = self.budget.take(size)
            try:
                if has_room:
                    await self._shadow(job)
                else:
                    self.count(job.route, Loss.FULL)
            except Busy:
                self.count(job.route, Loss.FULL)
            # A shadow may fail in any way; the next ones must still be sent.
            except Exception as error:
                self._log.warn(job.route, f"The shadow of {job.route} failed", error)
                self.count(job.route, Loss.FAILED)
            finally:
                self.budget.give(job.size + size * has_room)

    async def _shadow(self, job: Job) -> None:
        request = job.request
        asked = await self._ask(job.other, job, request)
        try:
            given = job.answer(self.prefix, self.limits.body, self._is_served(job.side))
        except NoAnswer:
            self.count(job.route, Loss.TOO_LARGE)
            return
        old, new = (given, asked) if job.side == "old" else (asked, given)
        await self._compare(job, request, old, new, await self._ask_again(job, request, old))

    async def _compare(
        self, job: Job, request: Request, old: Answer, new: Answer, again: Answer | None
    ) -> None:
        def work() -> tuple[Comparison, Sequence[Difference] | None]:
            if is_same(old, new):
                comparison = Comparison(request, [old, new])
            else:
                comparison = compare_rounds(request, [[old, new]], self.rules, {})
            if again is None or again.error is not None:
                return comparison, None
            if is_same(old, again):
                return comparison, []
            both = [old, replace(again, target=AGAIN)]
            return comparison, find_differences(request, both, self.rules).differences

        if len(old.body) + len(new.body) <= SMALL:
            found = work()
        else:
            self._limiter = self._limiter or CapacityLimiter(1)
            found = await to_thread.run_sync(work, limiter=self._limiter)
        self.observe(job, *found)

    async def _ask_again(self, job: Job, request: Request, old: Answer) -> Answer | None:
        """Ask the old application for a second answer, if one is wanted for the noise."""
        if not self._wants_noise(job, old):
            return None
        try:
            return await self._ask("old", job, request)
        except Busy:
            return None

    def _wants_noise(self, job: Job, old: Answer) -> bool:
        """Return whether the old application is asked again; always for the first of a route."""
        # Without its credentials, a request may have another answer; that is no noise.
        if job.is_changed or job.method not in SAFE or old.error or not self.limits.noise:
            return False
        asked = self._twice.get(job.route, 0)
        if asked >= ALWAYS_TWICE:
            # It chooses a sample, no secret.
            return random.random() < self.limits.noise  # nosec B311
        self._twice[job.route] = asked + 1
        return True

    def forget(self, route: str) -> None:
        """Ask the old application twice again, because its noise was forgotten."""
        self._twice.pop(route, None)

    async def _ask(self, side: Side, job: Job, request: Request) -> Answer:
        """Send a shadow; a failure is an answer, too.

        Raises:
            Busy: the gateway has refused it.
        """
        began = perf_counter()
        timed = Timed(self._apps[side])
        # Code of the mount that was asked before could not cancel that of this one.
        current_threads.set(GATEWAY)
        target = Application(side, timed, self.prefix, IN_PROCESS, job.scope, self._is_served(side))
        try:
            async with asyncio.timeout(self.limits.timeout):
                answer = await target.answer(request, self.limits.body)
            if timed.error is not None:
                text = f"{self.prefix}: the shadow of {job.route} raised in the {side} application"
                self._log.warn(f"{side} {job.route}", text, timed.error)
            return replace(answer, seconds=timed.seconds)
        except TimeoutError:
            reason, failure = f"no answer within {self.limits.timeout:g} s", Failure.TIMEOUT
        except NoAnswer as error:
            reason, failure = str(error), error.failure
        except Busy:
            raise
        # An application may raise anything, SystemExit included; the evidence says so.
        except RAISED as error:
            if not is_fault(error):
                raise
            reason, failure = type(error).__name__, Failure.EXCEPTION
        seconds = perf_counter() - began
        return Answer(side, target.url, request, seconds, error=reason, failure=failure)

    def _is_served(self, side: Side) -> bool:
        return isinstance(self._mounts[side].application, Isolated | Upstream)

    async def close(self) -> None:
        """Drop what waits, and end what runs."""
        self._is_closed = True
        while self._queue:
            job = self._queue.popleft()
            self.budget.give(job.size)
            self.count(job.route, Loss.FULL)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_WAIT)


def is_same(one: Answer, other: Answer) -> bool:
    """Return whether no rule could find a difference; it saves most of the comparing."""
    if one.error or other.error or one.status != other.status or one.body != other.body:
        return False
    return plain(one.headers) == plain(other.headers)


def plain(headers: Headers) -> list[tuple[str, str]]:
    """Return headers in one order, because neither their order nor their spelling counts."""
    return sorted((name.lower(), value) for name, value in headers)
