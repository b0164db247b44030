"""Predictions and a greeting in Django."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from showdown.claims.apps.perceptron import predict

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="never used", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[]
)


def hello(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"message": "Hello, World!"})


def predictions(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"classes": predict()})


urlpatterns = [path("api/hello", hello), path("api/predict", predictions)]
app = get_wsgi_application()
