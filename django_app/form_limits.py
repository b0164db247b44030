"""Limits for forms, checked before Django parses, normalises or hashes a value."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import smart_split

from contract.problems import Problem
from django_app.errors import problem_response
from django_app.middleware import GetResponse

# The longest forms of the admin select 200 rows, in 11 kB.
MAX_FORM = 64 * 1024  # bytes
MAX_FIELDS = 300
MAX_WORDS = 10  # of a search; each word is searched for in each field of each row
MAX_VALUE = 1024  # characters; normalising them takes less than a millisecond


class FormLimitMiddleware:
    """Refuse a form, a query or a path that is longer than any page needs.

    It comes before CsrfViewMiddleware, which is the first to read the form. Views that are exempt
    from the CSRF check have no forms: the API takes JSON, and has its own limits.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponse | None:
        """Check the lengths."""
        if getattr(view, "csrf_exempt", False):
            return None
        if len(request.path_info) > MAX_VALUE:
            return problem_response(Problem(404))
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and int(length) > MAX_FORM:
            return problem_response(Problem(413))
        if request.META.get("QUERY_STRING") and has_long_query(request):
            return problem_response(Problem(400, "The query is too long for this page."))
        if request.method == "POST" and (has_many_parts(request) or is_too_long(request.POST)):
            return problem_response(Problem(400, "The form is too long for this page."))
        return None


def has_long_query(request: HttpRequest) -> bool:
    """Return whether the query has too many fields or words, or a field that is too long."""
    return is_too_long(request.GET) or has_many_words(request.GET.get(SEARCH_VAR, ""))


def has_many_words(search: str) -> bool:
    """Return whether a search has too many words, split as the admin splits them."""
    return len([*smart_split(search)]) > MAX_WORDS


def has_many_parts(request: HttpRequest) -> bool:
    """Return whether a multipart form has more parts or part headers than Django parses quickly."""
    if request.content_type != "multipart/form-data":
        return False
    # Django finds the boundary anywhere, not only at the start of a line.
    parameters = request.content_params or {}
    boundary = f"--{parameters.get('boundary', '')}".encode(errors="replace")
    # The header of each part has two parameters.
    return request.body.count(boundary) > MAX_FIELDS or request.body.count(b";") > 4 * MAX_FIELDS


def is_too_long(fields: QueryDict) -> bool:
    """Return whether there are too many fields, or one is too long."""
    texts = [text for name, values in fields.lists() for text in (name, *values)]
    return len(texts) > 2 * MAX_FIELDS or any(len(text) > MAX_VALUE for text in texts)
