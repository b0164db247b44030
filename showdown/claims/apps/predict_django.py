"""Predictions and a greeting in Django."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from django_app.bodies import json_response
from showdown.claims.apps.perceptron import predict

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="never used", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[]
)


def hello(_request: HttpRequest) -> JsonResponse:
    return json_response({"message": "Hello, World!"})


def predictions(_request: HttpRequest) -> JsonResponse:
    return json_response({"classes": predict()})


urlpatterns = [path("api/hello", hello), path("api/predict", predictions)]
app = get_wsgi_application()
