"""Streams in Django on WSGI: each holds a thread until it ends."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="never used", ALLOWED_HOSTS=["127.0.0.1"])


def hello(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"message": "Hello, World!"})


def ticks() -> Iterator[str]:
    for _ in range(20):
        yield "tick\n"
        # The pause keeps the stream open.
        time.sleep(0.5)


def stream(_request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(ticks(), content_type="text/plain")


urlpatterns = [path("api/hello", hello), path("stream", stream)]
app = get_wsgi_application()
