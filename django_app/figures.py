"""The figures of users and their changes, which are carried on and never counted anew.

``day_statistics`` and ``framework_counts`` have the figures up to an event, the watermark. A
reader adds the events that came after it. Workers, and readers that find many such events, move the
watermark on.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from django.db import connections, transaction
from django.db.models import CharField, Count, F, Func, Max
from django.db.models.functions import Cast
from django.utils import timezone

from django_app.models import DayStatistic, FrameworkCount, UserEvent, Watermark

SNAPSHOT = "snapshot"  # the connection in whose transactions all queries see the same moment
BATCH = 10_000  # events that are carried in one transaction
LONG = 1000  # events after which a reader moves the watermark on

Action = UserEvent.Action


@dataclass(frozen=True)
class Changes:
    """The number of changes of one kind.

    Attributes:
        day: when, in UTC; None if a script has stored no such time.
    """

    day: date | None
    action: str
    framework: str
    count: int

    @property
    def growth(self) -> int:
        """By how much the number of users has grown."""
        if self.action == Action.CREATED:
            return self.count
        return -self.count if self.action == Action.DELETED else 0


@dataclass(frozen=True)
class Figures:
    """The figures as of one moment.

    Attributes:
        users: number of users.
        created: number of users that were created on each day, also of those deleted since.
        frameworks: number of changes by each framework.
    """

    users: int
    created: Counter[date]
    frameworks: Counter[str]


def read(first: date | None = None) -> Figures:
    """Return the figures.

    Args:
        first: the first day of ``created``; all days if None.
    """
    with snapshot():
        mark, newest = find_mark(SNAPSHOT)
        after = count_changes(mark, newest, SNAPSHOT)
        days = DayStatistic.objects.using(SNAPSHOT)
        latest = days.first()
        known = days.filter(day__gte=first) if first else days
        created = Counter(dict(known.values_list("day", "created")))
        frameworks = Counter(dict(FrameworkCount.objects.using(SNAPSHOT).values_list()))
    newest_day = latest.day if latest else timezone.now().date()
    for changes in after:
        frameworks[changes.framework] += changes.count
        if changes.action == Action.CREATED:
            # As add_to_days does it.
            created[changes.day or newest_day] += changes.count
    users = sum((changes.growth for changes in after), latest.total if latest else 0)
    return Figures(users, created, frameworks)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read as of one moment, over a connection that neither waits for writers nor delays them."""
    try:
        with transaction.atomic(using=SNAPSHOT):
            yield
    finally:
        connections[SNAPSHOT].close()


def find_mark(using: str) -> tuple[int, int]:
    """Return the ids of the watermark and of the newest event."""
    mark = Watermark.objects.using(using).values_list("event_id", flat=True).first() or 0
    newest = UserEvent.objects.using(using).aggregate(newest=Max("id"))["newest"]
    if newest is None:
        return mark, mark
    # The ids of a truncated table may begin again.
    return (mark if mark <= newest else 0), newest


def count_changes(after: int, last: int, using: str) -> list[Changes]:
    """Count the changes of the events from an id, which is left out, to another."""
    events = UserEvent.objects.using(using).filter(id__gt=after, id__lte=last).order_by()
    # As a text: neither database refuses times that Python cannot read.
    day = Cast(Func(F("at"), function="date"), CharField())
    rows = events.values_list(day, "action", "framework").annotate(count=Count("id"))
    return [Changes(parse_day(text), *rest) for text, *rest in rows]


def parse_day(text: str | None) -> date | None:
    """Return the day of an ISO date; None if it is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def are_behind() -> bool:
    """Return whether many events came after the watermark."""
    mark, newest = find_mark("default")
    return newest - mark > LONG


def carry() -> None:
    """Carry the figures on to the newest event, in short transactions."""
    while _carry_batch():
        pass


def _carry_batch() -> bool:
    with transaction.atomic():
        row = lock()
        mark, newest = find_mark("default")
        later = UserEvent.objects.filter(id__gt=mark).order_by("id").values_list("id", flat=True)
        last = later[BATCH - 1 : BATCH].first() or newest
        changes = count_changes(mark, last, "default")
        add_to_frameworks(changes)
        add_to_days(changes)
        row.event_id = last
        row.save()
    return last < newest


def lock() -> Watermark:
    """Return the watermark; until the end of the transaction, nobody else stores figures."""
    Watermark.objects.get_or_create(id=1)
    return Watermark.objects.select_for_update().get()


def begin_day(day: date) -> None:
    """Add a day on which nothing has changed, unless it is there."""
    with transaction.atomic():
        lock()
        store_days({day: Counter()})


def add_to_frameworks(changes: list[Changes]) -> None:
    """Add changes to the stored figures of frameworks; the caller has locked the watermark."""
    made = Counter[str]()
    for one in changes:
        made[one.framework] += one.count
    for row in FrameworkCount.objects.filter(framework__in=made):
        made[row.framework] += row.changes
    rows = [FrameworkCount(framework=name, changes=count) for name, count in made.items()]
    FrameworkCount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["framework"], update_fields=["changes"]
    )


def add_to_days(changes: list[Changes]) -> None:
    """Add changes to the stored figures of days; the caller has locked the watermark."""
    newest = DayStatistic.objects.values_list("day", flat=True).first() or timezone.now().date()
    made: dict[date, Counter[str]] = {}
    for one in changes:
        made.setdefault(one.day or newest, Counter())[one.action] += one.count
    if made:
        store_days(made)


def store_days(made: dict[date, Counter[str]]) -> None:
    """Add the changes that were made on each day, by action."""
    first = min(made)
    rows = {row.day: row for row in DayStatistic.objects.filter(day__gte=first)}
    total, growth = users_before(first), 0
    for day in sorted({*rows, *made}):
        new = made.get(day, Counter())
        today = new[Action.CREATED] - new[Action.DELETED]
        growth += today
        if day in rows:
            rows[day].total += growth
        else:
            rows[day] = DayStatistic(day=day, total=total + today, created=0, changed=0, deleted=0)
        total = rows[day].total
        for action in Action.values:
            setattr(rows[day], action, getattr(rows[day], action) + new[action])
    DayStatistic.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["day"],
        update_fields=["total", *Action.values],
    )


def users_before(day: date) -> int:
    """Return the number of users at the beginning of a day."""
    before = DayStatistic.objects.filter(day__lt=day).first()
    if before:
        return before.total
    after = DayStatistic.objects.last()
    return after.total - after.created + after.deleted if after else 0
