"""What an application changes for the whole process: notice it, put it back or tell it.

Applications in one process share its time zone, environment, signal handlers and more. What one of
them changes when it is imported or started, the others see. The gateway puts back the signal
handlers, because it could not stop without its own. Everything else stays as the application needs
it, and one line in the log names it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from framework_gateway.mounts.probes import PROBES, Probe

MAX_NAMES = 10  # of a kind, in a line of the log


class Watching(threading.local):
    """Whether the current thread watches for an application."""

    active = False


_watching = Watching()


class ProcessState:
    """Watches the process while one application is loaded, started or stopped.

    What several threads do at the same time cannot be told apart.

    Args:
        mount: the prefix of the application, or the name of a target.
        tell: logs a line; called once for each change.
    """

    def __init__(self, mount: str, tell: Callable[[str], None]) -> None:
        self.mount = mount
        self.tell = tell
        self._told: set[tuple[str, str]] = set()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Compare the process before and after the block, also if that raises an exception.

        Inside another ``watch`` of the same thread, this one does nothing.
        """
        if _watching.active:
            yield
            return
        before = [probe.read() for probe in PROBES]
        try:
            _watching.active = True
            yield
        finally:
            _watching.active = False
            after = [probe.read() for probe in PROBES]
            if before != after:
                self._compare(before, after)

    def _compare(self, before: Sequence[Any], after: Sequence[Any]) -> None:
        changed, restored = [], []
        for probe, old, new in zip(PROBES, before, after, strict=True):
            if old == new:
                continue
            put_back = probe.put_back(old, new)
            left = [name for name in probe.names(old, new) if name not in put_back]
            restored += self._news(probe, put_back)
            changed += self._news(probe, left)
        name = called(self.mount)
        if restored:
            self.tell(
                f"{name} changed {listed(restored)}, which the gateway needs and has put back;"
                " run it in a process of its own if it depends on them"
            )
        if changed:
            self.tell(
                f"{name} changed {listed(changed)} of the whole process;"
                " run it in a process of its own if another application depends on them"
            )

    def _news(self, probe: Probe, names: Sequence[str]) -> list[str]:
        """Return a phrase for the names that have not been told, or nothing."""
        new = [name for name in names if (probe.what, name) not in self._told]
        self._told.update((probe.what, name) for name in new)
        if len(new) > MAX_NAMES:
            new[MAX_NAMES:] = [f"{len(new) - MAX_NAMES} more"]
        return [f"{probe.what} ({', '.join(new)})"] if new else []


def listed(phrases: Sequence[str]) -> str:
    """Join phrases as a sentence does."""
    *some, last = phrases
    return f"{', '.join(some)} and {last}" if some else last


def called(name: str | None) -> str:
    """Return how a message calls an application; targets of a comparison have no prefix."""
    if name is None:
        return "An application"
    return f"The application at {name or '/'}" if name[:1] in ("", "/") else f"The target {name}"
