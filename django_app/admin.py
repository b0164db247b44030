"""The admin of the users, of what happened to them, and of API tokens."""

import secrets
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from django_app.authentication import digest_of
from django_app.models import ApiToken, User, UserEvent

admin.site.site_header = "Users administration"
admin.site.site_title = "Users administration"


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """List, search and filter users."""

    list_display = ("name", "email", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "email")
    readonly_fields = ("created_at",)


@admin.register(UserEvent)
class UserEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Show what happened; nobody can change it afterwards."""

    list_display = ("at", "action", "name", "email", "framework")
    list_filter = ("action", "framework", "at")
    search_fields = ("name", "email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Make tokens, each shown once, and revoke them."""

    list_display = ("name", "owner", "created_at", "revoked_at")
    list_filter = ("revoked_at",)
    fields = ("owner", "name")
    actions = ("revoke",)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the key; the page after the form is the only one that shows it."""
        if not change:
            key = f"gw_{secrets.token_urlsafe(32)}"
            obj.digest = digest_of(key)
            request.META["gateway.token"] = key
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
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"Revoked: {count}.")
