"""Applications that configure no logging, each with a warning and an exception."""

import logging
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from fastapi import FastAPI
from flask import Flask

LIBRARY = logging.getLogger("quiet_library")
LIBRARY.addHandler(logging.NullHandler())
ALONE = logging.getLogger("quiet_alone")
ALONE.propagate = False


def fail() -> Any:
    raise RuntimeError("sold out")


def log(logger: logging.Logger) -> str:
    logger.info("not written")
    logger.warning("few left")
    return ""


flask = Flask("quiet_flask")
flask.add_url_rule("/log", view_func=lambda: log(flask.logger), endpoint="log")
flask.add_url_rule("/fail", view_func=lambda: fail(), endpoint="fail")

fastapi = FastAPI()
fastapi.get("/log")(lambda: log(logging.getLogger("quiet_fastapi")))
fastapi.get("/library")(lambda: log(LIBRARY))
fastapi.get("/alone")(lambda: log(ALONE))
fastapi.get("/fail")(lambda: fail())


@fastapi.get("/state")
def state() -> Any:
    """What an application looks at before it configures logging."""
    root = logging.getLogger()
    return {"handlers": len(root.handlers), "has": root.hasHandlers(), "level": root.level}


@fastapi.get("/handler/{name}")
def with_a_handler(name: str) -> Any:
    """Log with a handler for errors only: it decides that a warning is not written."""
    logger = logging.getLogger(f"quiet_{name}")
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    logger.addHandler(handler)
    logger.warning("a handler for errors does not write %s", name)
    logger.error("a handler for errors writes %s", name)


urlpatterns = [
    path("log", lambda _: HttpResponse(log(logging.getLogger("quiet_django")))),
    path("fail", lambda _: fail()),
]


def create_django() -> Any:
    """Return a project with Django's own LOGGING."""
    settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="a key", ALLOWED_HOSTS=["*"])
    django.setup()
    return get_wsgi_application()
