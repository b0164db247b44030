"""The measured endpoints in Django with synchronous views."""

import time
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

from contract.pages import next_link, split_page
from contract.schemas import PageQuery, WaitQuery
from django_app.bodies import json_response
from showdown.claims.apps.raw_users import LIST_USERS, parameters
from showdown.claims.apps.slim_models import FIELDS, User


def hello(_request: HttpRequest) -> JsonResponse:
    """Greet, without a database."""
    return json_response({"message": "Hello, World!"})


def wait(request: HttpRequest) -> JsonResponse:
    """Answer after ``ms`` milliseconds; the thread sleeps."""
    query = WaitQuery.model_validate(request.GET.dict())
    # The endpoint exists to wait.
    time.sleep(query.ms / 1000)
    return json_response({"waited_ms": query.ms})


def list_users(request: HttpRequest) -> JsonResponse:
    """List users by id, with the ORM."""
    query = PageQuery.model_validate(request.GET.dict())
    after, limit = parameters(query)
    return answer(request, query, [*User.objects.filter(id__gt=after).values(*FIELDS)[:limit]])


def list_raw(request: HttpRequest) -> JsonResponse:
    """List users by id, with a statement on the connection of the driver."""
    query = PageQuery.model_validate(request.GET.dict())
    with connection.cursor() as cursor:
        cursor.execute(LIST_USERS, parameters(query))
        rows = [dict(zip(FIELDS, row, strict=True)) for row in cursor.fetchall()]
    return answer(request, query, rows)


def answer(request: HttpRequest, query: PageQuery, rows: Sequence[dict[str, Any]]) -> JsonResponse:
    """Return a page and the link to the next one."""
    page, more = split_page(rows, query)
    response = json_response(page)
    if more:
        response["Link"] = next_link(request.path, query, page[-1]["id"])
    return response


urlpatterns = [
    path("api/hello", hello),
    path("api/wait", wait),
    path("api/users", list_users),
    path("raw/api/users", list_raw),
]
