"""Who sends a request, for the gateway to tell all three: by Django's login or an API token."""

import hashlib
from collections.abc import MutableMapping
from importlib import import_module
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from django_app.models import ApiToken


def digest_of(token: str) -> str:
    """Return what is stored of a token: it is random and long, so a quick hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


@sync_to_async
def user_of_session(key: str) -> str | None:
    """Return the name of the active user who is logged in with a session."""
    # A restart of the server cuts connections; Django looks only when its own requests begin.
    close_old_connections()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user.get_username() if user.is_authenticated and user.is_active else None


@sync_to_async
def user_of_token(token: str) -> str | None:
    """Return the name of the active owner of a token that has not been revoked."""
    close_old_connections()
    found = (
        ApiToken.objects.filter(digest=digest_of(token), revoked_at=None, owner__is_active=True)
        .values_list("owner__username", flat=True)
        .first()
    )
    return found


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
