"""The dashboard for staff: the number of users, and their changes."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.admin import site
from django.contrib.admin.views.decorators import staff_member_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Max
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
    def bars(self) -> list[dict[str, object]]:
        """The bars of a chart of 600 by 120 units, one for each day."""
        width = 600 / DAYS
        return [
            {
                "x": round(place * width, 1),
                "width": round(width - 2, 1),
                "height": round(120 * count / self.busiest, 1),
                "y": round(120 - 120 * count / self.busiest, 1),
                "day": day,
                "count": count,
            }
            for place, (day, count) in enumerate(self.days)
        ]


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
    newest = UserEvent.objects.aggregate(newest=Max("id"))["newest"]
    today = timezone.now().date()
    key = f"dashboard:{newest}:{today}"
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
