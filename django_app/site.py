"""The admin's site."""

from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest

# What the filters of lists put behind the name of a field.
LOOKUPS = frozenset({"exact", "isnull", "gte", "lt"})
IDENTIFIERS = frozenset({"id", "pk"})


class LinkedLookups(ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Filters a list only as its own links do.

    Django lets an address filter by any lookup of the model's fields. A regular expression then
    holds the process for as long as it likes, and others read values that are not shown.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Tell whether a link of the list could have it."""
        field, *rest = lookup.split("__")
        # None of the lists has filters of classes of its own.
        return field in map(str, self.list_filter) and {*rest} <= LOOKUPS | IDENTIFIERS

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Make the list; without a filter that is not allowed, or has a value of no use."""
        try:
            return super().get_changelist_instance(request)
        except (DisallowedModelAdminLookup, OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error


class Site(AdminSite):
    """Django's own, more careful.

    Its recent actions name nothing that the person may not see any more, and addresses filter its
    lists only as links do.
    """

    site_header = site_title = "Users administration"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models, also those of other applications, with filters as links have them."""
        base = admin_class or ModelAdmin
        narrowed = type(base.__name__, (LinkedLookups, base), {"__module__": base.__module__})
        super().register(model_or_iterable, narrowed, **options)

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        visible = [
            model
            for model in apps.get_models()
            if self.is_registered(model)
            and self.get_model_admin(model).has_view_permission(request)
        ]
        types = ContentType.objects.get_for_models(*visible)
        entries: QuerySet[LogEntry] = super().get_log_entries(request)
        return entries.filter(content_type__in=types.values())
