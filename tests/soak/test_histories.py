"""Lost and doubled events are found, also around a restore."""

import pytest

from tests.soak.histories import Histories
from tests.soak.listeners import RESET, Event

OLD = [Event(number, "created", f"old-{number}") for number in range(1, 6)]
# The backup had three events.
NEW = [*OLD[:3], *(Event(number, "created", f"new-{number}") for number in range(4, 8))]
TOLD = Event(3, RESET)
UNKNOWN = Event(6, "created", "stored after the look and before the restore")


@pytest.mark.parametrize(
    "received",
    [
        NEW,
        [*OLD, TOLD, *NEW[3:]],
        [*OLD[:4], TOLD, *NEW[3:]],  # the restore was faster than the fifth
        [*OLD, UNKNOWN, TOLD, *NEW[3:]],
        [*OLD[:3], *NEW[3:]],
    ],
)
def test_each_event_once(received: list[Event]) -> None:
    assert Histories([OLD, NEW]).check(received) == []


@pytest.mark.parametrize(
    "received",
    [
        [*NEW[:4], *NEW[5:]],  # lost
        [*NEW[:4], NEW[3], *NEW[4:]],  # doubled
        [*OLD, *NEW[5:]],  # not told of the restore
        [*OLD, TOLD, *NEW[4:]],  # lost after the restore
        NEW[:-1],  # still waiting
        [*OLD, UNKNOWN, OLD[3], TOLD, *NEW[3:]],
    ],
)
def test_a_lost_or_doubled_event_is_found(received: list[Event]) -> None:
    assert len(Histories([OLD, NEW]).check(received)) == 1
