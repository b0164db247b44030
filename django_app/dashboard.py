"""The dashboard for staff: the number of users, and their changes."""

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from django.contrib.admin import site
from django.contrib.admin.views.decorators import staff_member_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import CharField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from django_app import figures
from django_app.events import number_events
from django_app.models import User, UserEvent
from django_app.transactions import reading, writing

DAYS = 30
LATEST = 20
CACHE_SECONDS = 300
# The chart: pixels above the bars and of the highest bar, and percent to their left.
TOP, HEIGHT, GUTTER = 20, 120, 8


@dataclass(frozen=True)
class Dashboard:
    """The figures of the dashboard.

    Attributes:
        total: number of users.
        days: number of sign-ups on each of the last 30 days, also of users deleted since.
        frameworks: number of changes by each framework.
        latest: the latest events.
    """

    total: int
    days: list[tuple[date, int]]
    frameworks: list[tuple[str, int]]
    latest: list[UserEvent]

    @property
    def busiest(self) -> int:
        """The largest number of sign-ups on a day, at least 1."""
        return max(1, *(count for _, count in self.days))

    @property
    def signups(self) -> int:
        """The number of sign-ups on all days of the chart."""
        return sum(count for _, count in self.days)

    @property
    def bars(self) -> list[dict[str, object]]:
        """The bars of the chart, one for each day.

        ``x``, ``middle`` and ``width`` are percentages, ``y`` and ``height`` are pixels; so the
        bars take the width of the screen, and the numbers keep their size.
        """
        width = (100 - GUTTER) / DAYS
        return [
            {
                "x": f"{GUTTER + place * width:.2f}",
                "middle": f"{GUTTER + (place + 0.45) * width:.2f}",
                "width": f"{0.9 * width:.2f}",
                "height": f"{HEIGHT * count / self.busiest:.1f}",
                "y": f"{TOP + HEIGHT - HEIGHT * count / self.busiest:.1f}",
                "day": day,
                "count": count,
                "label": short(count),
            }
            for place, (day, count) in enumerate(self.days)
        ]

    @property
    def levels(self) -> list[dict[str, object]]:
        """The horizontal lines of the chart with their numbers."""
        counts = sorted({0, self.busiest // 2, self.busiest})
        return [
            {"y": f"{TOP + HEIGHT - HEIGHT * count / self.busiest:.1f}", "label": short(count)}
            for count in counts
        ]


def short(count: int) -> str:
    """Return a number in few characters: a bar has room for four."""
    for digits, unit in ((9, "G"), (6, "M"), (3, "k")):
        if count >= max(10_000, 10**digits):
            return f"{count // 10**digits}{unit}"
    return str(count)


@never_cache
@staff_member_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the dashboard: users and events, each if the account may see them in the admin."""
    sees_users, sees_events = (
        site.get_model_admin(model).has_view_permission(request) for model in (User, UserEvent)
    )
    if not (sees_users or sees_events):
        raise PermissionDenied
    context = {
        **site.each_context(request),
        "title": "Dashboard",
        "dashboard": current(),
        "sees_users": sees_users,
        "sees_events": sees_events,
    }
    return TemplateResponse(request, "django_app/dashboard.html", context)


def current() -> Dashboard:
    """Return the figures from the cache, or collect them when a new event exists."""
    number_events()
    # After a restore, another event may get an id that was there before.
    newest = UserEvent.objects.values_list("id", Cast("at", CharField()), "user_id").first()
    today = timezone.now().date()
    key = f"dashboard:{today}:{sha256(repr(newest).encode()).hexdigest()}"
    found: Dashboard | None = cache.get(key)
    if found is None:
        found = collect(today)
        cache.set(key, found, CACHE_SECONDS)
    return found


def collect(today: date) -> Dashboard:
    """Collect the figures; the cost is that of the events since the last look at many of them."""
    if figures.are_behind():
        with writing():
            figures.carry()
    days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
    with reading():
        found = figures.read(days[0])
    frameworks = sorted(found.frameworks.items(), key=lambda item: (-item[1], item[0]))
    return Dashboard(
        total=found.users,
        days=[(day, found.created[day]) for day in days],
        frameworks=frameworks,
        latest=[*UserEvent.objects.all()[:LATEST]],
    )
