"""The configuration of the app and of the admin."""

import weakref
from collections.abc import Collection
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.hashers import is_password_usable
from django.core.checks import Tags, register
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_save

from contract.engines import register_sqlite_functions
from django_app import checks


class DjangoAppConfig(AppConfig):
    """The users, their API and their admin."""

    name = "django_app"
    verbose_name = "Users API"

    def ready(self) -> None:
        """Register the signal handlers and the checks, and name the accounts."""
        name_accounts()
        connection_created.connect(prepare_connection, dispatch_uid="users.connection")
        pre_save.connect(
            revoke_tokens_of_disabled_password,
            sender=settings.AUTH_USER_MODEL,
            dispatch_uid="users.tokens",
        )
        register(checks.check_middleware_order, Tags.security)
        register(checks.check_password_validators, Tags.security)
        register(checks.check_files_directory, Tags.files)


class SiteConfig(AdminConfig):
    """Django's admin with this project's site."""

    default_site = "django_app.site.Site"


def name_accounts() -> None:
    """Call those who log in accounts; Django's admin calls them users, as the API does its own.

    Migrations do not see it: they compare only the names that a model declares.
    """
    apps.get_app_config("auth").verbose_name = "Accounts"
    options = apps.get_model(settings.AUTH_USER_MODEL)._meta
    options.verbose_name, options.verbose_name_plural = "account", "accounts"


def revoke_tokens_of_disabled_password(
    *, instance: Any, update_fields: Collection[str] | None = None, **_kwargs: Any
) -> None:
    """Revoke the tokens that end with a password when the password is disabled.

    Django calls no password validator for that; see ``authentication.TokensEndWithPassword``.
    """
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
    """Register the SQLite functions, and close the connection when its thread ends."""
    # Django keeps one connection for each thread and drops it with the thread, without closing it.
    weakref.finalize(connection, connection.connection.close)
    if connection.vendor == "sqlite":
        register_sqlite_functions(connection.connection, "django")
