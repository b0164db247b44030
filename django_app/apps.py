"""The app's configuration."""

import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.hashers import is_password_usable
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField
from django.db.models.functions import Lower
from django.db.models.signals import pre_save

from contract.engines import register_sqlite_functions
from contract.private_files import warn_of_directory


class DjangoAppConfig(AppConfig):
    """The users, their API and their admin."""

    name = "django_app"
    verbose_name = "Users API"

    def ready(self) -> None:
        """Make ``name__lower__contains`` find what it finds on PostgreSQL; look at the exports."""
        warn_of_directory(Path(settings.MEDIA_ROOT))
        CharField.register_lookup(Lower)
        connection_created.connect(prepare_connection, dispatch_uid="users.lower")
        pre_save.connect(end_tokens, sender=settings.AUTH_USER_MODEL, dispatch_uid="users.tokens")


class SiteConfig(AdminConfig):
    """Django's admin with this project's site."""

    default_site = "django_app.site.Site"


def end_tokens(
    *, instance: Any, update_fields: Collection[str] | None = None, **_kwargs: Any
) -> None:
    """Revoke the tokens that end with a password that is disabled; of that, no validator hears."""
    from django_app.models import ApiToken

    saves_password = update_fields is None or "password" in update_fields
    if instance.pk is None or not saves_password or instance.has_usable_password():
        return
    before = (
        type(instance).objects.filter(pk=instance.pk).values_list("password", flat=True).first()
    )
    if before is not None and is_password_usable(before):
        ApiToken.objects.filter(owner=instance.pk, ends_with_password=True).revoke()


def prepare_connection(*, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Give SQLite the functions of the project; close each connection when its thread has ended."""
    # Django keeps the connection open with the thread, and would drop it without closing it.
    weakref.finalize(connection, connection.connection.close)
    if connection.vendor == "sqlite":
        register_sqlite_functions(connection.connection, "django")
