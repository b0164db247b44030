"""The admin of the users, of what happened to them, and of API tokens."""

import secrets
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from django_app.authentication import digest_of
from django_app.models import ApiToken, ApiTokenQuerySet, DayStatistic, Export, User, UserEvent
from django_app.tasks import hand_in


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """List, search and filter users."""

    list_display = ("name", "email", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "email")
    readonly_fields = ("created_at",)
    actions = ("export_as_ndjson", "export_as_csv")

    @admin.action(description="Export all users to a file (NDJSON)", permissions=["view"])
    def export_as_ndjson(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.export(request, "application/x-ndjson")

    @admin.action(description="Export all users to a file (CSV)", permissions=["view"])
    def export_as_csv(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.export(request, "text/csv")

    def export(self, request: HttpRequest, media_type: str) -> None:
        """Order an export; a worker makes it."""
        hand_in(Export.objects.create(media_type=media_type))
        self.message_user(request, "The export has been ordered; see Exports.")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Show what others have written; nobody changes it here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(UserEvent)
class UserEventAdmin(ReadOnlyAdmin):
    """Show what happened."""

    list_display = ("at", "action", "name", "email", "framework")
    list_filter = ("action", "framework", "at")
    search_fields = ("name", "email")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Show how far exports are, and their files, to those who may order them, too."""

    list_display = ("ordered_at", "media_type", "done", "total", "finished_at", "error", "result")

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        users = self.admin_site.get_model_admin(User)
        return super().has_view_permission(request, obj) or users.has_view_permission(request)

    @admin.display(description="result")
    def result(self, export: Export) -> str:
        """Name the file."""
        return export.file or "—"


@admin.register(DayStatistic)
class DayStatisticAdmin(ReadOnlyAdmin):
    """Show what was counted each night."""

    list_display = ("day", "total", "created", "changed", "deleted")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Make tokens, each shown once, and revoke them.

    A token acts as its owner: superusers alone choose one, or see the tokens of others.
    """

    list_display = ("name", "owner", "read_only", "created_at", "expires_at", "revoked_at")
    list_filter = ("read_only", "revoked_at")
    fields = ("owner", "name", "read_only", "expires_at", "ends_with_password")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens: QuerySet[ApiToken] = super().get_queryset(request)
        return tokens if request.user.is_superuser else tokens.filter(owner=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Ask only superusers for the owner."""
        return self.fields if obj or request.user.is_superuser else self.fields[1:]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> tuple[str, ...]:
        """Keep the owner of a token: the holder of its key would become somebody else."""
        return ("owner",) if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the key; the page after the form is the only one that shows it."""
        if not change:
            key = f"gw_{secrets.token_urlsafe(32)}"
            obj.digest = digest_of(key)
            request.META["gateway.token"] = key
            if not request.user.is_superuser:
                obj.owner_id = request.user.pk  # type: ignore[assignment]  # staff have an id
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "API token",
            "token": obj,
            "key": request.META["gateway.token"],
        }
        return TemplateResponse(request, "django_app/token.html", context)

    @admin.action(description="Revoke selected API tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: ApiTokenQuerySet) -> None:
        self.message_user(request, f"Revoked: {queryset.revoke()}.")
