"""The site of the admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from django_app.transactions import reading, writing

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# The lookups that the filters of lists append to the name of a field.
LOOKUPS = frozenset({"exact", "isnull", "gte", "lt"})
IDENTIFIERS = frozenset({"id", "pk"})


class LinkedLookups(ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Accepts only the lookups that a list's own filters use.

    Django lets a URL filter a list by any lookup on the model's fields. A regular expression could
    then block the process, and other lookups reveal values that the list does not show.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Return whether a filter of the list can produce the lookup."""
        field, *rest = lookup.split("__")
        filters = {getattr(one, "parameter_name", one) for one in self.list_filter}
        return field in filters and {*rest} <= LOOKUPS | IDENTIFIERS

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list; redirect to the unfiltered one when a lookup or its value is refused."""
        try:
            return super().get_changelist_instance(request)
        except (DisallowedModelAdminLookup, OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error


class Site(AdminSite):
    """Django's admin site with three restrictions.

    Recent actions show only objects that the account may still see, URLs filter lists only by the
    lookups of the lists' own filters, and pages that wait for the database leave threads to others.
    """

    site_header = site_title = "Users administration"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models, including those of other apps, with ``LinkedLookups``."""
        base = admin_class or ModelAdmin
        narrowed = type(base.__name__, (LinkedLookups, base), {"__module__": base.__module__})
        super().register(model_or_iterable, narrowed, **options)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Let a view hold one of the places for the database."""
        return super().admin_view(in_place(view), cacheable)

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Return the actions on models that the account may see."""
        visible = [
            model
            for model in apps.get_models()
            if self.is_registered(model)
            and self.get_model_admin(model).has_view_permission(request)
        ]
        types = ContentType.objects.get_for_models(*visible)
        entries: QuerySet[LogEntry] = super().get_log_entries(request)
        return entries.filter(content_type__in=types.values())


def in_place(view: View) -> View:
    """Return a view that holds one of the places for the database until its page is rendered."""

    @wraps(view)
    def holding(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with reading() if request.method in ("GET", "HEAD") else writing():
            response = view(request, *args, **kwargs)
            # Lists query when they are rendered.
            return response.render() if isinstance(response, SimpleTemplateResponse) else response

    return cast(View, holding)
