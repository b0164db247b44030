"""A greeting in Django, and nothing else."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="never used", ALLOWED_HOSTS=["127.0.0.1"])


def hello(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"message": "Hello, World!"})


urlpatterns = [path("api/hello", hello)]
app = get_wsgi_application()
