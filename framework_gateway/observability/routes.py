"""Find the template of the route that served a request, for metrics, logs and traces.

A template such as ``/tenants/{tenant}/users/{id}`` comes from the routes of the application, never
from the path of the request, which clients choose. So the number of templates is limited.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from starlette.routing import BaseRoute, Host, Match
from starlette.routing import Mount as StarletteMount
from starlette.types import Scope

from framework_gateway.wsgi.routes import django_route, is_django, join

MAX_ROUTE = 200  # characters of a route
MAX_CACHED_KEY = 200  # characters of a prefix and a host
MAX_WRAPPERS = 20  # middleware around an application, to find its routes
REST = "/{path}"  # what is below a prefix, if no route is known
MOUNTS = (StarletteMount, Host)  # routes with an application of its own behind them
PARAMETER = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>|\{([^{}:]+):[^{}]*\}")
GROUP = re.compile(r"\(\?P<(\w+)>")  # a parameter in a regular expression of Django


def matched_route(scope: Scope, record: Mapping[str, Any]) -> str:
    """Return the template of the route below the gateway's mount; "" if it is unknown.

    Args:
        scope: the scope of a request that has ended, with what the routers have added to it.
        record: what ``WSGIMiddleware`` has recorded, or nothing.
    """
    route = record.get("route")
    try:
        # Starlette's and FastAPI's Mount set this key when they first extend ``root_path``.
        if "app_root_path" in scope:
            route = nested_route(scope, route)
        elif route is None:
            route = asgi_route(scope)
    # An application may have routes and scopes of its own kinds; a label is not worth an error.
    except Exception:
        return ""
    return template(route[:MAX_ROUTE]) if route else ""


def nested_route(scope: Scope, route: str | None) -> str:
    """Return a route with the prefixes of the mounts within the application.

    Args:
        scope: the scope of the request.
        route: the innermost route; None to look for it in the scope.
    """
    prefix, routes = find_prefix(scope)
    route = route or asgi_route(scope, routes)
    if route:
        return join(prefix, route)
    return prefix if prefix.endswith(REST) else prefix + REST


def asgi_route(scope: Scope, routes: "Routes | None" = None) -> str | None:
    """Return the path of the innermost route, without the prefixes of mounts.

    Args:
        scope: the scope of the request.
        routes: the routes of the innermost router; None for those of the outermost.
    """
    route = scope.get("route")
    # The path of FastAPI's route does not include the prefixes of its routers; this context's does.
    context = scope.get("fastapi", {}).get("effective_route_context")
    if context is not None and context.original_route is route:
        route = context
    # A mount is not the innermost route: its application has matched none, or does not say so.
    if route is None or isinstance(route, MOUNTS):
        endpoint = scope.get("endpoint")
        if is_django(endpoint):
            return django_route(scope["path"].removeprefix(scope["root_path"]))
        if endpoint is None or "router" not in scope or getattr(route, "app", None) is endpoint:
            return None
        route = find_endpoint(routes or routes_of(scope["router"]), endpoint, scope)
    return getattr(route, "path", None)


class Same:
    """Wraps an object as a key of a cache: equal only to itself, also if it has no hash."""

    def __init__(self, it: Any) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.it is self.it


class Routes(Same):
    """The routes of an application, as a key of a cache."""

    it: Sequence[BaseRoute]


NO_ROUTES = Routes(())


def routes_of(app: Any) -> Routes:
    """Return the routes of an application, also if middleware wraps it."""
    for _ in range(MAX_WRAPPERS):
        routes = getattr(app, "routes", None)
        # A mount of middleware has an empty list, and an application behind it.
        if isinstance(routes, list) and (routes or not hasattr(app, "app")):
            return Routes(routes)
        app = getattr(app, "app", None)
        if app is None:
            break
    return NO_ROUTES


def with_full_paths(routes: Sequence[BaseRoute]) -> Iterator[tuple[BaseRoute, Any]]:
    """Yield each route with the object that has its full path; FastAPI's routers have their own."""
    if "fastapi" not in sys.modules:
        yield from zip(routes, routes, strict=True)
        return
    from fastapi.routing import iter_route_contexts

    for route in iter_route_contexts(routes):
        yield route.original_route, route


def find_endpoint(routes: Routes, endpoint: Any, scope: Scope) -> Any:
    """Return the route of an endpoint; FastAPI does not tell those that are not its own."""
    found = routes_to(routes, Same(endpoint))
    if len(found) > 1:
        return next((route for route in found if route.matches(scope)[0] is not Match.NONE), None)
    return found[0] if found else None


@lru_cache(maxsize=1024)
def routes_to(routes: Routes, endpoint: Same) -> list[Any]:
    """Return the routes that have an endpoint."""
    found = [route for _, route in with_full_paths(routes.it)]
    return [route for route in found if getattr(route, "endpoint", None) is endpoint.it]


class Prefix(NamedTuple):
    """The prefixes of nested mounts.

    Attributes:
        template: such as ``/tenants/{tenant}``; it ends with ``/{path}`` if a part is unknown.
        routes: the routes of the innermost application; none if they are unknown.
    """

    template: str
    routes: Routes


def find_prefix(scope: Scope) -> Prefix:
    """Return the prefix that the mounts within an application have matched."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    root, routes = scope["root_path"], routes_of(scope.get("router"))
    # Clients choose parts of the key, so a long one is not cached.
    is_short = len(root) + len(host) <= MAX_CACHED_KEY
    find = cached_prefix if is_short else cached_prefix.__wrapped__
    return find(routes, scope["app_root_path"], root, host)


@lru_cache(maxsize=1024)  # many tenants have the same template, but each has a root_path of its own
def cached_prefix(routes: Routes, outer: str, root: str, host: bytes) -> Prefix:
    """Repeat the matching of the mounts, because the scope only has the prefix of the request.

    Args:
        routes: the routes of the outermost application.
        outer: its ``root_path``.
        root: the ``root_path`` of the innermost application.
        host: the header Host, for Starlette's ``Host`` routes.
    """
    # As for a request to the root of the innermost application.
    request = {"type": "http", "method": "GET", "path": f"{root}/", "headers": [(b"host", host)]}
    return follow(routes, {**request, "root_path": outer}, root)


def follow(routes: Routes, scope: Scope, root: str) -> Prefix:
    """Follow the mounts from ``scope["root_path"]`` to ``root``, as far as they are known."""
    at = scope["root_path"]
    if at == root:
        return Prefix("", routes)
    best = Prefix(REST, NO_ROUTES)
    for original, route in with_full_paths(routes.it):
        if not isinstance(original, MOUNTS):
            continue
        match, child_scope = route.matches(scope)
        inner = child_scope.get("root_path", at)
        if match is not Match.FULL or not f"{root}/".startswith(f"{inner}/"):
            continue
        path = route.path if isinstance(original, StarletteMount) else ""
        rest = follow(routes_of(route), {**scope, "root_path": inner}, root)
        found = Prefix(path + rest.template, rest.routes)
        if not found.template.endswith(REST):
            return found
        best = max(best, found, key=lambda prefix: len(prefix.template))
    return best


@lru_cache(maxsize=4096)
def template(route: str) -> str:
    """Convert a route of any framework to one form: ``users/<int:id>`` becomes ``/users/{id}``."""
    if "^" in route or route.endswith("$") or "(?P<" in route:
        route = without_expressions(route)
    uniform = PARAMETER.sub(lambda match: "{" + (match[1] or match[2]) + "}", route)
    if not uniform.isprintable():
        # Metrics are UTF-8, which has no surrogates, and a line of the log ends with a line break.
        uniform = uniform.encode("unicode_escape").decode()
    return uniform if uniform.startswith("/") else f"/{uniform}"


def without_expressions(route: str) -> str:
    """Convert Django's regular expressions: ``^users/(?P<id>[0-9]+)/$`` becomes ``users/<id>/``."""
    result = ""
    while group := GROUP.search(route):
        end, depth = group.end(), 1
        while end < len(route) and depth:
            depth += {"(": 1, ")": -1}.get(route[end], 0)
            end += 1
        result += route[: group.start()] + f"<{group[1]}>"
        route = route[end:]
    return re.sub(r"[\^$]|\\Z", "", result + route).replace("\\", "")
