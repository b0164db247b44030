"""What readiness and the metrics show of a move."""

from framework_gateway.migrate.options import MoveOptions
from framework_gateway.migrate.rollout import Rollout
from framework_gateway.migrate.shadowing import Shadows
from framework_gateway.migrate.testers import Side
from framework_gateway.mounts.mount import Mount


class Shown:
    """A move, as readiness and the metrics see it.

    Attributes:
        store_fault: why the store is away; None if it has answered.
    """

    restarts = 0  # as of a background task; see ``observability.watched``

    mounts: dict[Side, Mount]
    options: MoveOptions
    rollout: Rollout
    shadows: Shadows
    store_fault: str | None

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
