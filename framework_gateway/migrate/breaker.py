"""Decide when a route goes back to the old application, by what has just happened.

Each worker judges the requests that it serves. The new application is judged by its own failures
only, and against as many answers of the old one from the same time: where both fail, a database is
away, and going back would not help.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from framework_gateway.compare.rates import exceeds
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.evidence import scaled
from framework_gateway.migrate.options import BreakerOptions
from framework_gateway.migrate.testers import Side

SLOTS = 10  # parts of a window; the oldest is forgotten as a whole

Clock = Callable[[], float]


class Window:
    """Counts by name, of about the last ``seconds``.

    Args:
        seconds: the length of the window.
        clock: returns the time in seconds.
    """

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._length = seconds / SLOTS
        self._clock = clock
        self._slots: deque[tuple[int, Counter[str]]] = deque(maxlen=SLOTS)

    def add(self, name: str) -> None:
        """Count one event."""
        slot = int(self._clock() / self._length)
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append((slot, Counter()))
        self._slots[-1][1][name] += 1

    def total(self, name: str) -> int:
        """Return how many events of a name are in the window."""
        oldest = int(self._clock() / self._length) - SLOTS
        return sum(counts[name] for slot, counts in self._slots if slot > oldest)

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()


class Breaker:
    """Judges one route.

    Args:
        options: the thresholds.
        clock: returns the time in seconds.
    """

    def __init__(self, options: BreakerOptions, clock: Clock = time.monotonic) -> None:
        self.options = options
        self.window = Window(options.window, clock)
        self._in_a_row = 0

    def note_answer(self, side: Side, outcome: Outcome) -> str | None:
        """Count an answer; return why the route must go back, or None."""
        if outcome not in (Outcome.SUCCESS, Outcome.FAILURE):
            return None
        self.window.add(f"{side} {outcome}")
        if side == "old":
            return None
        self._in_a_row = 0 if outcome is Outcome.SUCCESS else self._in_a_row + 1
        return self._judge() if outcome is Outcome.FAILURE else None

    def note_comparison(self, differs: bool) -> str | None:
        """Count a comparison; return why the route must go back, or None."""
        self.window.add("differing" if differs else "equal")
        differing, compared = self.compared
        largest = self.options.differing
        if not differs or compared < self.options.volume or differing <= largest * compared:
            return None
        return f"differing {differing / compared:.1%} > {largest:.1%}, {compared} compared"

    def _judge(self) -> str | None:
        failed, asked = self.answered("new")
        reason = self._reason(failed, asked)
        if reason is None:
            return None
        old_failed, old_asked = self.answered("old")
        if old_asked >= self.options.volume or old_failed:
            across, alone = scaled(failed, asked), scaled(old_failed, old_asked)
            if not exceeds(*across, *alone):
                return None
        return reason

    def _reason(self, failed: int, asked: int) -> str | None:
        """Return why the route must go back, by the new application alone."""
        if self._in_a_row >= self.options.in_a_row:
            return f"{self._in_a_row} failures in a row"
        success = 1 - failed / asked
        if asked < self.options.volume or success >= self.options.success:
            return None
        return f"success {percent(success)} < {percent(self.options.success)}, {asked} requests"

    def answered(self, side: Side) -> tuple[int, int]:
        """Return how many answers of a side have failed in the window, and how many there were."""
        failed = self.window.total(f"{side} {Outcome.FAILURE}")
        return failed, failed + self.window.total(f"{side} {Outcome.SUCCESS}")

    @property
    def compared(self) -> tuple[int, int]:
        """How many comparisons have differed in the window, and how many there were."""
        differing = self.window.total("differing")
        return differing, differing + self.window.total("equal")

    def reset(self) -> None:
        """Begin anew, when a person has released the route."""
        self.window.clear()
        self._in_a_row = 0


def percent(share: float) -> str:
    """Return a share as a percentage, rounded down so that it never looks better than it is."""
    return f"{int(share * 1000) / 10:g} %"
