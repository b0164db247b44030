"""The admin's site."""

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest


class Site(AdminSite):
    """Django's own, whose recent actions name nothing that the person may not see any more."""

    site_header = site_title = "Users administration"

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
