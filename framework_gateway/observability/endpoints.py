"""List the endpoints of all mounted applications, read from the applications themselves."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.routing import Mount as StarletteMount

from framework_gateway.mounts.mount import Mount
from framework_gateway.observability.routes import with_full_paths

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver
    from flask import Flask

SWAGGER_UI = "/docs"  # where applications serve it themselves
HIDDEN_METHODS = {"HEAD", "OPTIONS"}  # every framework adds them to GET routes


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of a mounted application.

    Attributes:
        mount: the prefix of the application.
        methods: the methods, without HEAD and OPTIONS; empty if they are unknown.
        path: the path below the prefix, with ``{name}`` for each parameter.
        view: the function that serves it; None if there is none to show.
        documentation: the path of its description in Swagger UI, below the prefix; or None.
    """

    mount: str
    methods: Sequence[str]
    path: str
    view: Callable[..., Any] | None
    documentation: str | None = None

    @property
    def summary(self) -> str:
        """The first paragraph of the view's docstring, as plain text."""
        text = inspect.getdoc(self.view) if self.view is not None else None
        paragraph = (text or "").partition("\n\n")[0]
        return " ".join(paragraph.replace("``", "").split())


def endpoints_of(mount: Mount) -> list[Endpoint]:
    """List the endpoints of a Flask, Django, FastAPI or Starlette application."""
    found = find_endpoints(mount.application)
    described = documentation_of(mount.application)
    return [
        Endpoint(mount.path, methods, path, view, described.get(view))
        for methods, path, view in found
    ]


def documentation_of(application: Any) -> dict[Any, str]:
    """Return the places in FastAPI's Swagger UI, by view."""
    fastapi = sys.modules.get("fastapi")
    if fastapi is None or not isinstance(application, fastapi.FastAPI):
        return {}
    page = application.docs_url or SWAGGER_UI
    if page not in {getattr(route, "path", None) for route in application.routes}:
        return {}
    found = {}
    original: Any
    for original, _route in with_full_paths(application.routes):
        if getattr(original, "include_in_schema", False) and hasattr(original, "unique_id"):
            tag = quote(str(next(iter(original.tags), "default")))
            operation = original.operation_id or original.unique_id
            found[original.endpoint] = f"{page}#/{tag}/{operation}"
    return found


Found = Iterator[tuple[list[str], str, Callable[..., Any] | None]]


def find_endpoints(application: Any) -> Found:
    """Read the routes of an application; a framework in use is already imported."""
    if "flask" in sys.modules:
        from flask import Flask

        if isinstance(application, Flask):
            yield from flask_endpoints(application)
    if "django.core.handlers.base" in sys.modules:
        from django.core.handlers.base import BaseHandler
        from django.urls import get_resolver

        if isinstance(application, BaseHandler):
            yield from django_endpoints(get_resolver().url_patterns)
    if isinstance(application, Starlette):
        yield from starlette_endpoints(application.routes)


def flask_endpoints(app: "Flask") -> Found:
    """Read Flask's URL map."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        # A rule may be there only to build URLs, without a view.
        yield visible_methods(rule.methods), path, app.view_functions.get(rule.endpoint)


def django_endpoints(patterns: "Sequence[URLPattern | URLResolver]", prefix: str = "/") -> Found:
    """Read Django's URL patterns; each method of a class-based view is an endpoint."""
    from django.urls import URLResolver

    for pattern in patterns:
        path = prefix + template(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from django_endpoints(pattern.url_patterns, path)
            continue
        view_class = getattr(pattern.callback, "view_class", None)
        if view_class is None:
            yield [], path, pattern.callback
            continue
        for name in view_class.http_method_names:
            if hasattr(view_class, name) and name.upper() not in HIDDEN_METHODS:
                yield [name.upper()], path, getattr(view_class, name)


def starlette_endpoints(routes: Sequence[BaseRoute], prefix: str = "") -> Found:
    """Read the routes of FastAPI or Starlette, including routers and mounts."""
    for original, route in with_full_paths(routes):
        if isinstance(original, StarletteMount):
            inner = [*starlette_endpoints(original.routes, prefix + route.path)]
            yield from inner or [([], prefix + route.path + "/{path}", None)]
        elif isinstance(original, Route):
            path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path or "")
            yield visible_methods(route.methods), prefix + path, route.endpoint


def visible_methods(methods: Iterable[str] | None) -> list[str]:
    """Return the methods without those that the framework adds."""
    return sorted({*(methods or ())} - HIDDEN_METHODS)


def template(pattern: str) -> str:
    """Convert a Django route or regular expression to a path with ``{name}`` for each parameter."""
    path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", pattern)
    if path.startswith("^") or path.endswith("$"):
        path = re.sub(r"\(\?P{(\w+)}.*?\)", r"{\1}", path).lstrip("^").removesuffix("$")
    return path
