"""Whether a listener has received each event once, although restores change what is stored."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tests.soak.listeners import RESET, Event

START = Event(0, RESET)


class Histories:
    """What may follow an event.

    Args:
        stored: the stored events before each restore, and at the end; a restore may take some back,
            and others then have their ids.
    """

    def __init__(self, stored: Sequence[Sequence[Event]]) -> None:
        self.stored = stored
        self.known = {event for events in stored for event in events}
        self.ends = {events[-1] for events in stored if events}
        self.next: defaultdict[Event, set[Event]] = defaultdict(set)
        for events in stored:
            for event, following in pairwise(events):
                self.next[event].add(following)

    def check(self, received: Sequence[Event]) -> list[str]:
        """Return a line for each event that was lost or doubled."""
        pairs = pairwise([START, *received])
        faults = [f"{a} {b}" for a, b in pairs if not self.may_follow(a, b)]
        if received and received[-1].id != self.stored[-1][-1].id:
            faults.append(f"{received[-1]} is not the last event {self.stored[-1][-1]}")
        return faults

    def may_follow(self, event: Event, following: Event) -> bool:
        """Return whether an event may be received after another."""
        if following.action == RESET:
            return True
        if event.action == RESET:
            return following not in self.known or any(
                following == next((other for other in events if other.id > event.id), None)
                for events in self.stored
            )
        if following in self.next[event]:
            return True
        # Between the look at the events and the restore, there may have been others.
        is_unknown = event not in self.known or (event in self.ends and following not in self.known)
        return is_unknown and following.id > event.id
