"""The admin of users, their events, exports, statistics and API tokens."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from django_app import lists
from django_app.events import number_events
from django_app.forms import ApiTokenForm
from django_app.models import ApiToken, ApiTokenQuerySet, DayStatistic, Export, User, UserEvent
from django_app.tasks import order_export


@admin.register(User)
class UserAdmin(lists.BoundedAdmin):
    """List, search and filter users, the newest first."""

    list_display = ("name", "email", "created_at")
    list_filter = ("created_at",)
    # Both have an index.
    sortable_by = ("email", "created_at")
    ordering = ("-created_at",)
    # Only switches the search on; get_search_results does not read them.
    search_fields = ("name", "email")
    search_help_text = f"Pages reach the newest {lists.SHOWN:,} users; a search finds all."
    readonly_fields = ("created_at",)
    actions = ("export_as_ndjson", "export_as_csv")

    @admin.action(description="Export all users to a file (NDJSON)", permissions=["view"])
    def export_as_ndjson(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.export(request, "application/x-ndjson")

    @admin.action(description="Export all users to a file (CSV)", permissions=["view"])
    def export_as_csv(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.export(request, "text/csv")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Search by the index of the API's searches."""
        return lists.find_users(request, queryset, search_term), False

    def export(self, request: HttpRequest, media_type: str) -> None:
        """Create an export and enqueue it for a worker."""
        order_export(media_type)
        self.message_user(request, "The export is queued; see Exports.")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Show rows that other code writes; nobody can change them here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(UserEvent)
class UserEventAdmin(lists.BoundedAdmin, ReadOnlyAdmin):
    """Show the newest changes of users."""

    list_display = ("at", "action", "name", "email", "framework")
    list_filter = ("action", lists.FrameworkFilter, "at")
    search_fields = ("name", "email")
    search_help_text = f"The newest {lists.WINDOW:,} events; pages reach {lists.SHOWN:,}."
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        number_events()  # otherwise the newest ones are missing, if no worker runs
        return lists.NewestEvents


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Show the progress of exports and their files, also to those who may only see users."""

    list_display = ("ordered_at", "media_type", "done", "total", "finished_at", "error", "result")

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        users = self.admin_site.get_model_admin(User)
        return super().has_view_permission(request, obj) or users.has_view_permission(request)

    @admin.display(description="result")
    def result(self, export: Export) -> str:
        """Return the name of the file."""
        return export.file or "—"


@admin.register(DayStatistic)
class DayStatisticAdmin(ReadOnlyAdmin):
    """Show the statistics of each day; those of today are not complete."""

    list_display = ("day", "total", "created", "changed", "deleted")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Create API tokens and revoke them.

    A token has the permissions of its owner, so only superusers choose the owner and see the
    tokens of other accounts.
    """

    form = ApiTokenForm

    list_display = ("name", "owner", "read_only", "created_at", "expires_at", "revoked_at")
    list_filter = ("read_only", "revoked_at")
    fields = ("owner", "name", "read_only", "expires_at", "ends_with_password")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens: QuerySet[ApiToken] = super().get_queryset(request)
        return tokens if request.user.is_superuser else tokens.filter(owner=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Show the field of the owner to superusers, and on existing tokens."""
        return self.fields if obj or request.user.is_superuser else self.fields[1:]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> tuple[str, ...]:
        """Make the owner of an existing token read-only: its key would act as another account."""
        return ("owner",) if obj else ()

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiToken,
        form: forms.ModelForm,  # type: ignore[type-arg]  # generic only in the stubs
        change: bool,
    ) -> None:
        """Create the key of a new token, and its owner unless a superuser chose one."""
        if not change:
            obj.create_key()
            if not request.user.is_superuser:
                obj.owner_id = request.user.pk  # type: ignore[assignment]  # staff are not anonymous
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key; no other page can, because only its digest is stored."""
        context = {**self.admin_site.each_context(request), "title": "API token", "token": obj}
        return TemplateResponse(request, "django_app/token.html", context)

    @admin.action(description="Revoke selected API tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: ApiTokenQuerySet) -> None:
        self.message_user(request, f"Revoked: {queryset.revoke()}.")
