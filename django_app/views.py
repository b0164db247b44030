"""The users resource, the authenticated account, and two endpoints for measurements."""

import time
from collections.abc import Callable
from typing import Any, NoReturn

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from pydantic import MISSING

from contract.access import PRIVATE
from contract.pages import next_link, split_page
from contract.problems import (
    MethodNotAllowed,
    NotAuthenticated,
    UserNotFound,
    allow_header,
)
from contract.schemas import PageQuery, UserInput, UserPatch, WaitQuery
from django_app.bodies import json_body, json_response, no_content
from django_app.models import User
from django_app.transactions import committing, reading

FIELDS = ("id", "name", "email")


class ApiView(View):
    """A view with the contract's answers to OPTIONS and to methods that are not allowed."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Exempt the view from Django's CSRF middleware: the gateway checks CSRF.

        The gateway accepts sessions for all applications. It applies Django's own check
        (``authentication.is_forged``) to each unsafe request with a session, before any
        application sees the request. The views themselves do not read the session: without the
        gateway no cookie authenticates a request, and there is nothing to forge.
        """
        return csrf_exempt(super().as_view(**initkwargs))

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        raise MethodNotAllowed(self.allowed_methods())

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return no_content({"Allow": allow_header(self.allowed_methods())})

    def allowed_methods(self) -> list[str]:
        """Return the methods that the view defines."""
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]


class UserListView(ApiView):
    """All users."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """List users by id, a page at a time."""
        query = PageQuery.model_validate(request.GET.dict())
        with reading():
            rows = read_page(query)
        page, more = split_page(rows, query)
        response = json_response(page)
        if more:
            response["Link"] = next_link(reverse("users"), query, page[-1]["id"])
        return response

    def post(self, request: HttpRequest) -> JsonResponse:
        """Create a user."""
        values = UserInput.model_validate(json_body(request))
        with committing():
            user = User.objects.create(name=values.name, email=values.email)
        response = json_response({field: getattr(user, field) for field in FIELDS}, status=201)
        response["Location"] = reverse("user", args=[user.id])
        return response


class UserView(ApiView):
    """One user."""

    def get(self, request: HttpRequest, user_id: int) -> JsonResponse:
        """Return one user."""
        with reading():
            user = read_user(user_id)
        return json_response(user)

    def put(self, request: HttpRequest, user_id: int) -> JsonResponse:
        """Replace both fields of a user."""
        values = UserInput.model_validate(json_body(request))
        return self.change(request, user_id, values.model_dump())

    def patch(self, request: HttpRequest, user_id: int) -> JsonResponse:
        """Change the fields that the body contains."""
        values = UserPatch.model_validate(json_body(request))
        changes = values.model_dump(exclude_unset=True)
        return self.change(request, user_id, changes)

    def delete(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Delete a user."""
        with committing():
            deleted, _ = User.objects.filter(id=user_id).delete()
        if not deleted:
            raise UserNotFound(user_id)
        return no_content()

    def change(self, request: HttpRequest, user_id: int, changes: dict[str, str]) -> JsonResponse:
        """Update a user and return it."""
        if not changes:
            return self.get(request, user_id)
        with committing():
            if not User.objects.filter(id=user_id).update(**changes):
                raise UserNotFound(user_id)
            user = read_user(user_id)
        return json_response(user)


def read_page(query: PageQuery) -> list[dict[str, Any]]:
    """Return the users of a page, and one more if there is another page."""
    after = 0 if query.after is MISSING else query.after
    if query.search is MISSING or not query.search:
        return [*User.objects.filter(id__gt=after).values(*FIELDS)[: query.limit + 1]]
    found = User.objects.search([query.search], after, query.limit + 1)
    return [{field: getattr(user, field) for field in FIELDS} for user in found]


def read_user(user_id: int) -> dict[str, Any]:
    """Return one user.

    Raises:
        UserNotFound: there is none.
    """
    user: dict[str, Any] | None = User.objects.filter(id=user_id).values(*FIELDS).first()
    if user is None:
        raise UserNotFound(user_id)
    return user


class HelloView(ApiView):
    """The framework alone."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return a greeting, without a database."""
        return json_response({"message": "Hello, World!"})


class WaitView(ApiView):
    """How the framework waits."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Answer after ``ms`` milliseconds; the thread sleeps."""
        query = WaitQuery.model_validate(request.GET.dict())
        # The endpoint exists to wait.
        time.sleep(query.ms / 1000)
        return json_response({"waited_ms": query.ms})


class MeView(ApiView):
    """The authenticated account."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return the name of the account that the gateway authenticated, by session or token."""
        name = request.META.get("REMOTE_USER")
        if not name:
            raise NotAuthenticated
        return json_response({"name": name}, headers=PRIVATE)
