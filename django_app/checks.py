"""System checks of the settings; ``manage.py check`` runs them, as every other command does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from contract.private_files import is_open_to_others

FORM_LIMITS = "django_app.form_limits.FormLimitMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
REVOKING_VALIDATOR = "django_app.authentication.TokensEndWithPassword"


def check_middleware_order(
    app_configs: Sequence[AppConfig] | None, **_kwargs: Any
) -> list[CheckMessage]:
    """Check that forms are limited before Django's CSRF check reads them."""
    order = settings.MIDDLEWARE
    if FORM_LIMITS in order and CSRF in order and order.index(FORM_LIMITS) < order.index(CSRF):
        return []
    return [
        Error(
            "Forms are read before their size is checked.",
            hint=f"In MIDDLEWARE, put {FORM_LIMITS} before {CSRF}.",
            id="django_app.E001",
        )
    ]


def check_files_directory(
    app_configs: Sequence[AppConfig] | None, **_kwargs: Any
) -> list[CheckMessage]:
    """Check that only the server's own account can enter the directory of exports."""
    directory = Path(settings.MEDIA_ROOT)
    if not is_open_to_others(directory):
        return []
    return [
        Warning(
            "Other accounts of this machine can enter the directory of exports.",
            hint=f"Run: chmod 700 {directory}",
            id="django_app.W001",
        )
    ]


def check_password_validators(
    app_configs: Sequence[AppConfig] | None, **_kwargs: Any
) -> list[CheckMessage]:
    """Check that a new password revokes the API tokens that end with the old one."""
    if any(item["NAME"] == REVOKING_VALIDATOR for item in settings.AUTH_PASSWORD_VALIDATORS):
        return []
    return [
        Warning(
            "API tokens stay valid when their owner's password changes.",
            hint=f"Add {REVOKING_VALIDATOR} to AUTH_PASSWORD_VALIDATORS.",
            id="django_app.W002",
        )
    ]
