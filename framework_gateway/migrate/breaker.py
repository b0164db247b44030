"""Decide when a route goes back to the old application, by what has just happened.

Each worker judges by the requests of all of them. The new application is judged by its own failures
only, and against as many answers of the old one from the same time: where both fail, a database is
away, and going back would not help.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from framework_gateway.compare.rates import exceeds
from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.bounds import BreakerOptions
from framework_gateway.migrate.evidence import scaled
from framework_gateway.migrate.testers import Side

SHADOW = "shadow"  # the new application, when no client gets its answer
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

    def totals(self) -> Counter[str]:
        """Return how many events of each name are in the window."""
        oldest = int(self._clock() / self._length) - SLOTS
        found: Counter[str] = Counter()
        for slot, counts in self._slots:
            if slot > oldest:
                found.update(counts)
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()


class Breaker:
    """Judges one route.

    Args:
        options: the thresholds.
        clock: returns the time in seconds.

    Attributes:
        others: what the other workers have in their windows.
    """

    def __init__(self, options: BreakerOptions, clock: Clock = time.monotonic) -> None:
        self.options = options
        self.window = Window(options.window, clock)
        self.others: Counter[str] = Counter()
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

    def note_shadow(self, side: Side, outcome: Outcome) -> None:
        """Count an answer that no client has got.

        Those of the old application are what the new one is judged against. Those of the new one
        count only before it answers any clients.
        """
        self.window.add(f"{side if side == 'old' else SHADOW} {outcome}")

    def note_comparison(self, differs: bool) -> str | None:
        """Count a comparison; return why the route must go back, or None."""
        self.window.add("differing" if differs else "equal")
        differing, compared = compared_in(self.totals)
        largest = self.options.differing
        if not differs or compared < self.options.volume or differing <= largest * compared:
            return None
        return f"differing {differing / compared:.1%} > {largest:.1%}, {compared} compared"

    def _judge(self) -> str | None:
        totals = self.totals
        failed, asked = answered_in(totals, "new")
        reason = self._reason(failed, asked)
        if reason is None:
            return None
        old_failed, old_asked = answered_in(totals, "old")
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

    @property
    def totals(self) -> Counter[str]:
        """What is in the windows of all workers."""
        return self.window.totals() + self.others

    def reset(self) -> None:
        """Begin anew, when a person has released the route."""
        self.window.clear()
        self.others = Counter()
        self._in_a_row = 0


def answered_in(totals: Counter[str], side: str) -> tuple[int, int]:
    """Return how many answers of a side have failed, and how many there were."""
    failed = totals[f"{side} {Outcome.FAILURE}"]
    return failed, failed + totals[f"{side} {Outcome.SUCCESS}"]


def compared_in(totals: Counter[str]) -> tuple[int, int]:
    """Return how many comparisons have differed, and how many there were."""
    return totals["differing"], totals["differing"] + totals["equal"]


def percent(share: float) -> str:
    """Return a share as a percentage, rounded down so that it never looks better than it is."""
    return f"{int(share * 1000) / 10:g} %"
