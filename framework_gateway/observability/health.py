"""Whether the process is alive, and whether it is fit to serve: what load balancers ask."""

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

Find = Callable[[], str | None]  # returns what is wrong, in one line

STOPPING = {"gateway": "the gateway is stopping"}
NO_STORE = {"Cache-Control": "no-store"}


class Check:
    """A question that takes its time, asked in a thread, and not more often than needed.

    Args:
        find: returns what is wrong; None when all is well.
        timeout: seconds that an answer may take.
        keep: seconds that an answer is good for.
    """

    def __init__(self, find: Find, *, timeout: float = 2.0, keep: float = 1.0) -> None:
        self.find = find
        self.timeout = timeout
        self.keep = keep
        self._asked: asyncio.Task[str | None] | None = None
        self._answered = 0.0

    async def ask(self) -> str | None:
        """Return what is wrong; None when all is well."""
        asked = self._asked
        if asked is None or asked.cancelled() or (asked.done() and self._is_old()):
            asked = self._asked = asyncio.create_task(self._ask())
        if not asked.done():
            # Not wait_for(): a thread that hangs goes on, and must not get company each second.
            await asyncio.wait([asked], timeout=self.timeout)
        return asked.result() if asked.done() else f"no answer within {self.timeout:g} s"

    def _is_old(self) -> bool:
        return time.monotonic() - self._answered > self.keep

    async def _ask(self) -> str | None:
        try:
            return await asyncio.to_thread(self.find)
        except Exception as error:  # whatever a check raises is what it has found
            return f"the check failed: {error!r}"
        finally:
            self._answered = time.monotonic()


class Health:
    """The two endpoints.

    ``ready`` answers 503 while something is wrong or ``app.state.stopping`` is true, and says what:
    ``{"ready", "failures", "warnings"}``, with a line for each name.

    Args:
        mounts: what is wrong with each mount, by its path, asked without a thread.
        needs: checks without which nobody can be served.
        optional: checks that only warn.
    """

    def __init__(
        self,
        mounts: Callable[[], Mapping[str, str]],
        needs: Mapping[str, Check],
        optional: Mapping[str, Check],
    ) -> None:
        self.mounts = mounts
        self.needs = needs
        self.optional = optional

    async def live(self, _request: Request) -> JSONResponse:
        """Answer 200 as long as the event loop turns."""
        return JSONResponse({"live": True}, headers=NO_STORE)

    async def ready(self, request: Request) -> JSONResponse:
        """Answer 200 when requests can be served, else 503."""
        if request.app.state.stopping:
            failures, warned = dict(STOPPING), dict[str, str]()
        else:
            needed, warned = await asyncio.gather(ask_all(self.needs), ask_all(self.optional))
            failures = {**self.mounts(), **needed}
        document = {"ready": not failures, "failures": failures, "warnings": warned}
        return JSONResponse(document, 503 if failures else 200, NO_STORE)


async def ask_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return what is wrong, by the name of the check that has found it."""
    found = await asyncio.gather(*(check.ask() for check in checks.values()))
    return {name: fault for name, fault in zip(checks, found, strict=True) if fault is not None}
