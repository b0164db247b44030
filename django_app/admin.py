"""The admin of the users table."""

from django.contrib import admin

from django_app.models import User

admin.site.site_header = "Users administration"
admin.site.site_title = "Users administration"


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """List, search and filter users."""

    list_display = ("name", "email", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "email")
    readonly_fields = ("created_at",)
