"""Lists of the admin whose cost does not grow with their tables."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import smart_split, unescape_string_literal

from django_app import figures
from django_app.models import User, UserEvent

SHOWN = 10_000  # rows that the pages of a list reach
WINDOW = 50_000  # the newest events, which filters and searches read
FOUND = 500  # users that a search finds


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts rows only up to a limit."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most ``SHOWN``."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # of a changelist
        return rows.order_by()[:SHOWN].count()


class BoundedAdmin(ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Never counts a whole table."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER


def find_users(request: HttpRequest, users: QuerySet[User], text: str) -> QuerySet[User]:
    """Return the users that have each word of a text in the name or the email.

    As in Django's own search, a text in quotes is one word.
    """
    words = [word for part in smart_split(text) if (word := unquote(part))]
    if not words:
        return users
    ids = [user.id for user in User.objects.search(words, 0, FOUND + 1)]
    if len(ids) > FOUND:
        messages.warning(request, f"More than {FOUND:,} users were found; these are the first.")
    return users.filter(id__in=ids[:FOUND])


def unquote(word: str) -> str:
    """Return a word without its quotes."""
    if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'":
        return unescape_string_literal(word)
    return word


class NewestEvents(ChangeList):
    """The newest events: filters and searches look at no others."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[UserEvent]:
        found: QuerySet[UserEvent] = super().get_queryset(*args, **kwargs)
        newest = UserEvent.objects.aggregate(newest=Max("id"))["newest"] or 0
        return found.filter(id__gt=newest - WINDOW)


class FrameworkFilter(SimpleListFilter):
    """Filters by framework. Its choices come from the figures, not from all events."""

    title = "framework"
    parameter_name = "framework"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(figures.read().frameworks)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UserEvent]) -> QuerySet[UserEvent]:
        return queryset.filter(framework=self.value()) if self.value() else queryset
