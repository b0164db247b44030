"""What the contract asks and Django does not do by itself."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import is_valid_path

from django_app.errors import problem_for

GetResponse = Callable[[HttpRequest], HttpResponse]


def contract(get_response: GetResponse) -> GetResponse:
    """Serve both forms of a path, send no body where HTTP has none, and say which route matched."""

    def middleware(request: HttpRequest) -> HttpResponse:
        # Forms and queries are UTF-8. A client could choose a codec that takes seconds, or is none
        # of texts.
        if request.encoding is not None:
            request.encoding = settings.DEFAULT_CHARSET
        path = request.path_info
        if path.endswith("/") and not is_valid_path(path) and is_valid_path(path[:-1]):
            request.path_info = path[:-1]
        response = get_response(request)
        if request.resolver_match is not None:
            # In the environ, for whoever is around this application and keeps count of routes.
            request.META["bridge.route"] = request.resolver_match.route
        if request.method == "HEAD" and not response.streaming:
            response.content = b""
        elif response.status_code == 204:
            del response.headers["Content-Length"]
        return response

    return middleware


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Say what pages may load; Django 6 brings a middleware of this kind along."""
    # Django's debug pages are made of inline scripts.
    if settings.DEBUG:
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return middleware


class ProblemMiddleware:
    """Turn what a view raises into a problem document."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Answer known errors; leave the rest to Django, which logs them."""
        return problem_for(error)
