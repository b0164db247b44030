"""Authentication by Django's session or an API token, and the permissions of the account.

The gateway calls this module for every application that it mounts.
"""

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Permission
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.db.models import Exists, OuterRef, Q, Value
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from django_app.models import ApiToken, digest_of

SESSION_KEY = re.compile("[0-9a-z]{8,40}")  # the keys that SessionBase generates


@dataclass(frozen=True)
class Person:
    """The account that a session or a token belongs to.

    Attributes:
        permitted: whether the account has one of the requested permissions.
        read_only: whether the token allows only safe methods.
    """

    name: str
    permitted: bool = True
    read_only: bool = False


@sync_to_async
def user_of_session(key: str, permissions: Sequence[str]) -> Person | None:
    """Return the active account that is logged in with a session.

    Args:
        permissions: names of permissions of ``django_app``; the account needs one of them.
    """
    if not SESSION_KEY.fullmatch(key):
        return None
    # Django replaces lost connections only when one of its own requests starts.
    close_old_connections()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if not (user.is_authenticated and user.is_active):
        return None
    accounts = get_user_model().objects.filter(holds(permissions), pk=user.pk)
    return Person(user.get_username(), not permissions or accounts.exists())


@sync_to_async
def user_of_token(token: str, permissions: Sequence[str]) -> Person | None:
    """Return the active owner of a valid token, in one query."""
    close_old_connections()
    row = (
        ApiToken.objects.valid()
        .filter(digest=digest_of(token), owner__is_active=True)
        .annotate(permitted=holds(permissions, "owner__"))
        .values_list("owner__username", "permitted", "read_only")
        .first()
    )
    return Person(*row) if row else None


def holds(permissions: Sequence[str], account: str = "") -> Q:
    """Return the condition that an account has one of the permissions, itself or by a group.

    The result is that of ``ModelBackend``, in one query. The query reads only rows of the account;
    ``ModelBackend.with_perm`` would read all members of the groups.

    Args:
        permissions: when empty, every account matches.
        account: lookup prefix from the queried model to the account, such as ``owner__``.
    """
    if not permissions:
        return Q(Value(True))
    wanted = Permission.objects.filter(
        content_type__app_label="django_app", codename__in=permissions
    )
    return (
        Q(**{f"{account}is_superuser": True})
        | Q(Exists(wanted.filter(user=OuterRef(f"{account}pk"))))
        | Q(Exists(wanted.filter(group__user=OuterRef(f"{account}pk"))))
    )


class TokensEndWithPassword:
    """A password validator that revokes tokens when their owner's password changes.

    Django calls ``password_changed`` of each validator wherever a password is set, but not when it
    only upgrades the hash of the same password.
    """

    def validate(self, password: str, user: object = None) -> None:
        """Accept every password."""

    def get_help_text(self) -> str:
        return "A new password ends your sessions and the API tokens that depend on the password."

    def password_changed(self, password: str, user: AbstractBaseUser) -> None:
        ApiToken.objects.filter(owner=user.pk, ends_with_password=True).revoke()


def is_forged(scope: MutableMapping[str, Any]) -> bool:
    """Return whether Django's CSRF check refuses a request by its Origin or X-CSRFToken header."""
    request = ASGIRequest({**scope, "query_string": b""}, BytesIO())

    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = CsrfViewMiddleware(answer)
    try:
        check.process_request(request)
        return check.process_view(request, answer, (), {}) is not None
    except DisallowedHost:
        return True
