"""Health endpoints for load balancers: liveness and readiness."""

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from framework_gateway.observability.watched import Watched, faults_of

Find = Callable[[], str | None]  # returns a fault as one line, or None

STOPPING = {"gateway": "the gateway is stopping"}
NO_STORE = {"Cache-Control": "no-store"}


class Check:
    """A health check that runs in a thread and caches its result.

    Args:
        find: returns a fault as one line; None if there is none.
        timeout: seconds until a check counts as failed.
        keep: seconds to cache a result.
    """

    def __init__(self, find: Find, *, timeout: float = 2.0, keep: float = 1.0) -> None:
        self.find = find
        self.timeout = timeout
        self.keep = keep
        self._task: asyncio.Task[str | None] | None = None
        self._finished_at = 0.0

    async def ask(self) -> str | None:
        """Return the fault; None if there is none."""
        task = self._task
        if task is None or task.cancelled() or (task.done() and self._is_old()):
            task = self._task = asyncio.create_task(self._ask())
        if not task.done():
            # Not wait_for(): it would cancel the task, and each probe would start one more thread.
            await asyncio.wait([task], timeout=self.timeout)
        return task.result() if task.done() else f"no answer within {self.timeout:g} s"

    def _is_old(self) -> bool:
        return time.monotonic() - self._finished_at > self.keep

    async def _ask(self) -> str | None:
        try:
            return await asyncio.to_thread(self.find)
        except Exception as error:  # an exception counts as a fault
            return f"the check failed: {error!r}"
        finally:
            self._finished_at = time.monotonic()


class Health:
    """The endpoints ``live`` and ``ready``.

    ``ready`` answers 503 while there is a failure or ``app.state.stopping`` is true. Its JSON has
    the members ``ready``, ``failures`` and ``warnings``; the last two map names to faults.

    Args:
        mounts: returns the failures of the mounts, by path; must not block.
        needs: checks that must pass.
        optional: checks whose faults are only warnings.
        watched: returns companions and tasks, by name; their faults are warnings, too.
    """

    def __init__(
        self,
        mounts: Callable[[], Mapping[str, str]],
        needs: Mapping[str, Check],
        optional: Mapping[str, Check],
        watched: Callable[[], Mapping[str, Watched]] = dict,
    ) -> None:
        self.mounts = mounts
        self.needs = needs
        self.optional = optional
        self.watched = watched

    async def live(self, _request: Request) -> JSONResponse:
        """Answer 200 as long as the event loop runs."""
        return JSONResponse({"live": True}, headers=NO_STORE)

    async def ready(self, request: Request) -> JSONResponse:
        """Answer 200 if the gateway can serve requests, else 503."""
        if request.app.state.stopping:
            failures, warned = dict(STOPPING), dict[str, str]()
        else:
            needed, warned = await asyncio.gather(ask_all(self.needs), ask_all(self.optional))
            failures = {**self.mounts(), **needed}
            warned |= faults_of(self.watched())
        document = {"ready": not failures, "failures": failures, "warnings": warned}
        return JSONResponse(document, 503 if failures else 200, NO_STORE)


async def ask_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all checks; return the faults by the name of the check."""
    found = await asyncio.gather(*(check.ask() for check in checks.values()))
    return {name: fault for name, fault in zip(checks, found, strict=True) if fault is not None}
