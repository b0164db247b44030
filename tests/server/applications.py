"""Applications that fail, for a real server: each logs by its framework's own means."""

from typing import Any

from fastapi import FastAPI
from flask import Flask

SECRET = "it must only stand in the log"


def fail(*_request: Any) -> Any:
    raise RuntimeError(SECRET)


flask = Flask(__name__)
flask.add_url_rule("/fail", view_func=lambda: fail())
fastapi = FastAPI()
fastapi.add_api_route("/fail", lambda: fail())


def django() -> Any:
    """Return the project's own Django with a view more: a process has one configuration of it."""
    from django.urls import path

    from django_app import urls
    from django_app.wsgi import application

    urls.urlpatterns.append(path("fail", fail))
    return application
