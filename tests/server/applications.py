"""Applications that fail, for a real server; each logs as its framework does."""

from typing import Any

from fastapi import FastAPI
from flask import Flask

SECRET = "only the log may contain this"


def fail(*_request: Any) -> Any:
    raise RuntimeError(SECRET)


flask = Flask(__name__)
flask.add_url_rule("/fail", view_func=lambda: fail())
fastapi = FastAPI()
fastapi.add_api_route("/fail", lambda: fail())


def django() -> Any:
    """Return the project's own Django with one more view: a process has only one Django."""
    from django.urls import path

    from django_app import urls
    from django_app.wsgi import application

    urls.urlpatterns.append(path("fail", fail))
    return application
