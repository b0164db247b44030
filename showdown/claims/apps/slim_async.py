"""The measured endpoints in Django with asynchronous views and the asynchronous ORM."""

import asyncio

from django.http import HttpRequest, JsonResponse
from django.urls import path

from contract.schemas import PageQuery, WaitQuery
from django_app.bodies import json_response
from showdown.claims.apps.raw_users import parameters
from showdown.claims.apps.slim_models import FIELDS, User
from showdown.claims.apps.slim_sync import answer


async def hello(_request: HttpRequest) -> JsonResponse:
    """Greet, without a database."""
    return json_response({"message": "Hello, World!"})


async def wait(request: HttpRequest) -> JsonResponse:
    """Answer after ``ms`` milliseconds; the coroutine waits, and the loop serves others."""
    query = WaitQuery.model_validate(request.GET.dict())
    await asyncio.sleep(query.ms / 1000)
    return json_response({"waited_ms": query.ms})


async def list_users(request: HttpRequest) -> JsonResponse:
    """List users by id, with the ORM."""
    query = PageQuery.model_validate(request.GET.dict())
    after, limit = parameters(query)
    users = User.objects.filter(id__gt=after).values(*FIELDS)[:limit]
    return answer(request, query, [user async for user in users])


urlpatterns = [
    path("api/hello", hello),
    path("api/wait", wait),
    path("api/users", list_users),
]
