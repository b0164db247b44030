"""Middleware for the parts of the contract that Django does not implement itself."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import is_valid_path

from django_app.errors import problem_for

GetResponse = Callable[[HttpRequest], HttpResponse]


def contract(get_response: GetResponse) -> GetResponse:
    """Serve a path with and without its slash, send no body with HEAD, and report the route."""

    def middleware(request: HttpRequest) -> HttpResponse:
        # Forms and queries are UTF-8. A client could choose another codec, even one that takes
        # seconds or does not decode to text.
        if request.encoding is not None:
            request.encoding = settings.DEFAULT_CHARSET
        path = request.path_info
        # Not APPEND_SLASH: a redirect would lose the body of a POST.
        if path.endswith("/") and not is_valid_path(path) and is_valid_path(path[:-1]):
            request.path_info = path[:-1]
        response = get_response(request)
        if request.resolver_match is not None:
            # The gateway reads the route from the environ, for its metrics.
            request.META["bridge.route"] = request.resolver_match.route
        if request.method == "HEAD" and not response.streaming:
            response.content = b""
        elif response.status_code == 204:
            del response.headers["Content-Length"]
        return response

    return middleware


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Send the Content-Security-Policy of HTML pages.

    Not django-csp: one constant header needs no dependency, and Django 6's own middleware replaces
    this function.
    """
    # Django's debug pages have inline scripts.
    if settings.DEBUG:
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return middleware


class ProblemMiddleware:
    """Turn the exceptions of views into problem documents."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Answer known errors; Django logs any other and answers 500."""
        return problem_for(error)
