"""A call to a slow service in Django: the thread waits."""

import httpx2 as httpx
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from contract.settings import get_settings
from django_app.bodies import json_response
from showdown.claims.apps.upstream import service_url

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="never used", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[]
)
client = httpx.Client(limits=httpx.Limits(max_connections=get_settings().threads), timeout=60)


def price(_request: HttpRequest) -> JsonResponse:
    answer = client.get(service_url()).raise_for_status()
    return json_response({"price": answer.json()["price"]})


urlpatterns = [path("api/price", price)]
app = get_wsgi_application()
