"""Companion processes and background tasks that are started again when they end."""

from collections.abc import Mapping
from typing import Protocol


class Watched(Protocol):
    """What a companion or a task says of itself."""

    @property
    def fault(self) -> str | None:
        """Why it does not do its work now, as one line; None if it does."""

    @property
    def restarts(self) -> int:
        """How many times it has been started again."""


def faults_of(watched: Mapping[str, Watched]) -> dict[str, str]:
    """Return the faults by name."""
    return {name: fault for name, one in watched.items() if (fault := one.fault) is not None}
