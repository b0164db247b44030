"""Find the template of the route that a WSGI application matched."""

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

MAX_WRAPPERS = 20  # middleware around an application
MAX_CACHED_PATH = 200  # characters
WRAPPED = ("wsgi_app", "app", "application")  # where middleware keeps what it wraps


def matched_route(environ: dict[str, Any], app: Any, script_name: str) -> str | None:
    """Return the template of the route below the mount; None if it is unknown.

    Any application can set ``environ["bridge.route"]``. Otherwise it is the URL rule of Werkzeug's
    request, which covers Flask, or the route of Django. If a dispatcher has passed the request on
    to an application below another prefix, the template begins with this prefix.

    Args:
        environ: the environ, with what the application has added to it.
        app: the application of the mount.
        script_name: the prefix of the mount.
    """
    try:
        inner = environ["SCRIPT_NAME"]
        if inner == script_name or not inner.startswith(script_name):
            return own_route(environ, app)
        return dispatched_route(environ, app, inner.removeprefix(script_name))
    # An application may put anything into the environ; a label is not worth an error.
    except Exception:
        return None


def dispatched_route(environ: dict[str, Any], app: Any, prefix: str) -> str | None:
    """Return the route of an application that a dispatcher has called, with its prefix."""
    inner = find_dispatched(app, prefix)
    route = own_route(environ, inner)
    if inner is None:
        # The prefix may be text that the client has chosen.
        return None if route is None else join("/{prefix}", route)
    return join(prefix, "{path}" if route is None else route)


def join(prefix: str, route: str) -> str:
    """Join a prefix and a route, which begins with a slash or not (Django)."""
    return f"{prefix}/{route.removeprefix('/')}"


def own_route(environ: dict[str, Any], app: Any) -> str | None:
    """Return the route of the innermost application, without the prefix of a dispatcher."""
    if (route := environ.get("bridge.route")) is not None:
        return str(route)
    request = environ.get("werkzeug.request")
    if request is not None:
        rule = getattr(request, "url_rule", None)
        return None if rule is None else str(rule.rule)
    if is_django(app):
        return django_route(environ["PATH_INFO"])
    return None


def unwrap(app: Any) -> Iterator[Any]:
    """Yield an application, and those that it wraps as middleware."""
    for _ in range(MAX_WRAPPERS):
        yield app
        wrapped = (getattr(app, name, None) for name in WRAPPED)
        # Flask's ``wsgi_app`` is a method of itself.
        app = next((one for one in wrapped if callable(one) and one is not app), None)
        if app is None:
            return


def find_dispatched(app: Any, path: str) -> Any:
    """Return the application that Werkzeug's DispatcherMiddleware has below a path, or None."""
    for one in unwrap(app):
        mounts = getattr(one, "mounts", None)
        if not isinstance(mounts, Mapping):
            continue
        if path in mounts:
            return mounts[path]
        for prefix, inner in mounts.items():
            if prefix and path.startswith(f"{prefix}/"):
                found = find_dispatched(inner, path.removeprefix(prefix))
                if found is not None:
                    return found
    return None


def is_django(app: Any) -> bool:
    """Return whether an application is Django, with WSGI or ASGI, or middleware around it."""
    if "django.core.handlers.base" not in sys.modules:
        return False
    from django.core.handlers.base import BaseHandler

    return any(isinstance(one, BaseHandler) for one in unwrap(app))


def django_route(path: str) -> str | None:
    """Return Django's route of a path, including the routes of ``include()``.

    Django keeps the route in its request object, which the environ does not refer to. So the path
    is resolved again, with the URL configuration that the request has used.
    """
    from django.urls import get_urlconf

    # Clients choose the path, so a long one is not cached.
    resolve = resolved_route if len(path) <= MAX_CACHED_PATH else resolved_route.__wrapped__
    return resolve(path, get_urlconf())


@lru_cache(maxsize=1024)
def resolved_route(path: str, urlconf: str | None) -> str | None:
    """Return the route of a path in a URL configuration; None if there is none."""
    from django.urls import resolve

    try:
        return resolve(path, urlconf).route or "/"
    # Resolver404, or whatever a converter of the application raises: a label is not worth an error.
    except Exception:
        return None
