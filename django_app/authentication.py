"""Who sends a request, by Django's login or an API token, and what they may do."""

import hashlib
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

from django_app.models import ApiToken

SESSION_KEY = re.compile("[0-9a-z]{8,40}")  # as SessionBase makes them


@dataclass(frozen=True)
class Person:
    """The owner of a session or a token.

    Attributes:
        permitted: whether the account has one of the permissions that were asked for.
        read_only: whether the token is good for safe requests only.
    """

    name: str
    permitted: bool = True
    read_only: bool = False


def digest_of(token: str) -> str:
    """Return what is stored of a token: it is random and long, so a quick hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


@sync_to_async
def user_of_session(key: str, permissions: Sequence[str]) -> Person | None:
    """Return the active user who is logged in with a session.

    Args:
        permissions: names of ``django_app``'s permissions, one of which must be there.
    """
    if not SESSION_KEY.fullmatch(key):
        return None
    # A restart of the server cuts connections; Django looks only when its own requests begin.
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
    """Return the active owner of a token that is neither revoked nor expired, in one query."""
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
    """Return a condition: an account has one of the permissions, itself or by its groups.

    This is what ``ModelBackend`` says, in one query, and found by the account's own rows only:
    ``ModelBackend.with_perm`` would look through all members of the groups.

    Args:
        permissions: without any, everybody is permitted.
        account: where it is, seen from the model that is queried, as in ``owner__``.
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
    """Revokes the tokens that are to end with their owner's password.

    Django tells each of its password validators of a new password, wherever it is set, and of
    no password that is only hashed anew.
    """

    def validate(self, password: str, user: object = None) -> None:
        """Accept every password."""

    def get_help_text(self) -> str:
        return "A new password ends your sessions, and the API tokens that are made to end with it."

    def password_changed(self, password: str, user: AbstractBaseUser) -> None:
        ApiToken.objects.filter(owner=user.pk, ends_with_password=True).revoke()


def is_forged(scope: MutableMapping[str, Any]) -> bool:
    """Tell whether Django's CSRF check refuses a request: its Origin, or its X-CSRFToken header."""
    request = ASGIRequest({**scope, "query_string": b""}, BytesIO())

    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = CsrfViewMiddleware(answer)
    try:
        check.process_request(request)
        return check.process_view(request, answer, (), {}) is not None
    except DisallowedHost:
        return True
