"""Ask again for what differed, and find the smallest request that still differs that way."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from framework_gateway.compare.examples import trimmed
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.groups import groups_of
from framework_gateway.compare.messages import Request
from framework_gateway.compare.simpler import key_of, simpler
from framework_gateway.compare.summary import Finding, Summary

Ask = Callable[[Request], Awaitable[Comparison]]


@dataclass(frozen=True)
class Effort:
    """How much is done for each finding.

    Attributes:
        checks: how often the request is sent again, before and after it is shrunk.
        requests: how many simpler requests are tried at most.
        deadline: ``time.monotonic()`` at which to stop; None for no limit.
    """

    checks: int = 2
    requests: int = 300
    deadline: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline


class Shrinker:
    """Replaces the examples of findings by smaller ones.

    Args:
        ask: compares one request.
        summary: its findings are changed; those that do not differ again move to ``unstable``.
        effort: the limits.
    """

    def __init__(self, ask: Ask, summary: Summary, effort: Effort) -> None:
        self.ask = ask
        self.summary = summary
        self.effort = effort

    async def run(self) -> None:
        """Check and shrink each finding, until the deadline."""
        for group, finding in [*self.summary.findings.items()]:
            if self.effort.is_over:
                return
            if not await self._confirms(finding, finding.example.request):
                self.summary.unstable.append(self.summary.findings.pop(group))
                continue
            finding.checked = self.effort.checks
            await self._shrink(finding)

    async def _shrink(self, finding: Finding) -> None:
        left = self.effort.requests
        tried: set[object] = set()
        improved = True
        while improved:
            improved = False
            for request in simpler(finding.example.request):
                if left <= 0 or self.effort.is_over:
                    return
                if (key := key_of(request)) in tried:
                    continue
                tried.add(key)
                left -= 1
                comparison = await self.ask(request)
                if self._has(finding, comparison) and await self._confirms(finding, request):
                    finding.example, improved = trimmed(comparison), True
                    break

    async def _confirms(self, finding: Finding, request: Request) -> bool:
        for _ in range(self.effort.checks):
            if not self._has(finding, await self.ask(request)):
                return False
        return True

    def _has(self, finding: Finding, comparison: Comparison) -> bool:
        route = self.summary.route_of(comparison.request)
        return finding.group in groups_of(comparison, route)
