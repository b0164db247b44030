"""Django's system checks of the settings: each wrong setting has a message."""

from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from tests.databases import PostgreSQL, SQLite

FORM_LIMITS = "django_app.form_limits.FormLimitMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@pytest.fixture(autouse=True)
def django(migrated: SQLite | PostgreSQL) -> None:
    """Django, set up."""


def own_messages() -> list[CheckMessage]:
    return [item for item in run_checks() if (item.id or "").startswith("django_app.")]


def test_the_settings_pass(tmp_path: Path) -> None:
    with override_settings(MEDIA_ROOT=tmp_path / "missing"):
        assert own_messages() == []


@pytest.mark.parametrize("order", [[CSRF, FORM_LIMITS], [CSRF], [FORM_LIMITS], []])
def test_forms_must_be_limited_before_they_are_read(order: list[str]) -> None:
    from django.conf import settings

    others = [name for name in settings.MIDDLEWARE if name not in (CSRF, FORM_LIMITS)]
    with override_settings(MIDDLEWARE=[*others, *order]):
        (message,) = own_messages()
    assert message.id == "django_app.E001"
    assert message.is_serious()


@pytest.mark.parametrize(("mode", "ids"), [(0o700, []), (0o755, ["django_app.W001"])])
def test_other_accounts_must_not_enter_the_directory_of_exports(
    tmp_path: Path, mode: int, ids: list[str]
) -> None:
    tmp_path.chmod(mode)
    with override_settings(MEDIA_ROOT=tmp_path):
        messages = own_messages()
    assert [message.id for message in messages] == ids
    assert [message.hint for message in messages] == [f"Run: chmod 700 {tmp_path}"] * len(ids)


def test_a_new_password_must_revoke_tokens() -> None:
    with override_settings(AUTH_PASSWORD_VALIDATORS=[]):
        (message,) = own_messages()
    assert message.id == "django_app.W002"
