"""Look after one running process: its end, its memory, its health, its age."""

import time

from framework_gateway.processes.instance import Instance
from framework_gateway.processes.states import MountState, SlotState

TICK = 0.1  # seconds between two looks at a process
MEMORY_INTERVAL = 1.0  # seconds between two looks at its memory, if it has no limit
HARD_LIMIT = 1.5  # times max_memory
MAX_FAILURES = 3  # health checks in a row
POSTPONED = 60.0  # seconds until the next attempt to replace a process


class Care:
    """Looks after one running process.

    Args:
        instance: the process.
        state: its state; the memory in it is kept up to date.
        mount: counts the requests.
    """

    def __init__(self, instance: Instance, state: SlotState, mount: MountState) -> None:
        self.instance = instance
        self.options = instance.plan.process
        self.state = state
        self.mount = mount
        self.requests_before = mount.requests
        self.failures = 0
        self._memory_at = self._replace_at = 0.0
        self._health_at = time.monotonic()

    def look(self) -> bool:
        """Look after the process for a moment; return whether it has ended."""
        if self.instance.wait(TICK):
            return True
        now = time.monotonic()
        if now - self._memory_at > (TICK if self.options.max_memory else MEMORY_INTERVAL):
            self._memory_at = now
            self._check_memory()
        if self.options.health and now - self._health_at > self.options.health_interval:
            self._check_health(self.options.health)
            self._health_at = time.monotonic()
        return False

    def _check_memory(self) -> None:
        self.state.memory = self.instance.memory
        limit = self.options.max_memory
        if limit and self.state.memory > HARD_LIMIT * limit:
            self.instance.kill(f"it uses {self.state.memory} bytes of memory")

    def _check_health(self, path: str) -> None:
        status = self.instance.ask("GET", path, self.options.health_interval)
        self.failures = 0 if 200 <= status < 400 else self.failures + 1
        if self.failures:
            how = f"answered {status}" if status else "was not answered"
            self.instance.logger.warning("health check %s %s", path, how)
        if self.failures >= MAX_FAILURES:
            self.instance.kill(f"{self.failures} health checks have failed")

    def reason_to_replace(self) -> str | None:
        """Return why a successor is needed; None if it is not."""
        if self.instance.reason is not None or time.monotonic() < self._replace_at:
            return None
        limit, retire_after = self.options.max_memory, self.options.retire_after
        if limit and self.state.memory > limit:
            return f"it uses {self.state.memory} bytes of memory"
        served = self.mount.requests - self.requests_before
        if retire_after and served >= retire_after * self.options.processes:
            return f"it has served some {retire_after} requests"
        return None

    def postpone(self) -> None:
        """Let the process serve on for a while, although a successor is needed."""
        self._replace_at = time.monotonic() + POSTPONED
