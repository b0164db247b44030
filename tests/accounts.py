"""Accounts of the admin for tests, and their credentials."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

CSRF = "x" * 32
USER_PERMISSIONS = {"add_user", "change_user", "delete_user", "view_user"}


def make_account(
    name: str,
    permissions: Iterable[str] = (),
    *,
    group: str | None = None,
    is_staff: bool = True,
    is_superuser: bool = False,
) -> Any:
    """Create an account with permissions on users, in place of any account of that name.

    Args:
        group: of which it is a member.
    """
    from django.contrib.auth.models import Group, Permission, User

    User.objects.filter(username=name).delete()
    account = User.objects.create_user(name, is_staff=is_staff, is_superuser=is_superuser)
    wanted = Permission.objects.filter(
        content_type__app_label="django_app", codename__in=[*permissions]
    )
    account.user_permissions.set(wanted)
    if group:
        account.groups.add(Group.objects.get(name=group))
    return account


def session_of(account: Any) -> dict[str, str]:
    """Log in without the form; return headers that also pass Django's CSRF check."""
    from django.test import Client

    client = Client()
    client.force_login(account)
    session = client.cookies["sessionid"].value
    return {"Cookie": f"sessionid={session}; csrftoken={CSRF}", "X-CSRFToken": CSRF}


def token_of(account: Any, *, expired: bool = False, **values: Any) -> dict[str, str]:
    """Create a token without the admin; return the header for requests."""
    from django.utils import timezone

    from django_app.models import ApiToken, digest_of

    if expired:
        values["expires_at"] = timezone.now() - timedelta(seconds=1)
    key = f"gw_{secrets.token_hex(8)}"
    ApiToken.objects.create(owner=account, name=key, digest=digest_of(key), **values)
    return {"Authorization": f"Bearer {key}"}
