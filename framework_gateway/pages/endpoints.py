"""One index of what every mounted application serves, read from the applications themselves."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.routing import Mount as StarletteMount

from framework_gateway.mounts.mount import Mount

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver
    from flask import Flask

UNSHOWN = {"HEAD", "OPTIONS"}  # every framework adds them where there is a GET


@dataclass(frozen=True)
class Endpoint:
    """Something that a mounted application answers.

    Attributes:
        mount: the prefix of its application.
        methods: without HEAD and OPTIONS; empty where the application does not say.
        path: below the prefix, with ``{name}`` for each variable part.
        view: the function that serves it; None where there is none to show.
    """

    mount: str
    methods: Sequence[str]
    path: str
    view: Callable[..., Any] | None

    @property
    def summary(self) -> str:
        """The first sentence of the view's docstring."""
        text = inspect.getdoc(self.view) if self.view is not None else None
        return (text or "").partition("\n")[0]


def endpoints_of(mount: Mount) -> list[Endpoint]:
    """List what an application serves: Flask, Django, FastAPI and Starlette say so."""
    found = find_endpoints(mount.application)
    return [Endpoint(mount.path, methods, path, view) for methods, path, view in found]


Found = Iterator[tuple[list[str], str, Callable[..., Any] | None]]


def find_endpoints(application: Any) -> Found:
    """Ask the framework of an application, which is loaded where there is such an application."""
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
        yield shown(rule.methods), path, app.view_functions[rule.endpoint]


def django_endpoints(patterns: "Sequence[URLPattern | URLResolver]", before: str = "/") -> Found:
    """Read Django's resolver; of a class-based view, each method is an endpoint of its own."""
    from django.urls import URLResolver

    for pattern in patterns:
        path = before + template(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from django_endpoints(pattern.url_patterns, path)
            continue
        view_class = getattr(pattern.callback, "view_class", None)
        if view_class is None:
            yield [], path, pattern.callback
            continue
        for name in view_class.http_method_names:
            if hasattr(view_class, name) and name.upper() not in UNSHOWN:
                yield [name.upper()], path, getattr(view_class, name)


def starlette_endpoints(routes: Sequence[BaseRoute], before: str = "") -> Found:
    """Read the routes of FastAPI and Starlette, included routers and mounts among them."""
    for original, route in with_context(routes):
        if isinstance(original, StarletteMount):
            inner = [*starlette_endpoints(original.routes, before + original.path)]
            yield from inner or [([], before + original.path + "/{path}", None)]
        elif isinstance(original, Route):
            path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path or "")
            yield shown(route.methods), before + path, route.endpoint


def with_context(routes: Sequence[BaseRoute]) -> Iterator[tuple[BaseRoute, Any]]:
    """Yield routes, each with what knows its whole path: of FastAPI's routers, that is another."""
    if "fastapi" not in sys.modules:
        yield from zip(routes, routes, strict=True)
        return
    from fastapi.routing import iter_route_contexts

    for route in iter_route_contexts(routes):
        yield route.original_route, route


def shown(methods: Iterable[str] | None) -> list[str]:
    """Return the methods that somebody has written a view for."""
    return sorted({*(methods or ())} - UNSHOWN)


def template(pattern: str) -> str:
    """Write a Django route or regular expression with ``{name}`` for its parts."""
    path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", pattern)
    if path.startswith("^") or path.endswith("$"):
        path = re.sub(r"\(\?P{(\w+)}.*?\)", r"{\1}", path).lstrip("^").removesuffix("$")
    return path
