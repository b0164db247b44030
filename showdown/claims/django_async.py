"""Django's asynchronous views and ORM, against its synchronous ones and against FastAPI."""

from showdown.bench.targets import GUNICORN, UVICORN, Server, Target
from showdown.claims.loads import CONCURRENT, FASTAPI, MODULES, versus
from showdown.claims.model import Claim

SLIM = {
    "slim-sync": Server(f"{GUNICORN} {MODULES}.slim_django:wsgi()"),
    # Its pool has the size of those of the other servers; on SQLite, each request connects.
    "slim-async": Server(f"{UVICORN} --factory --lifespan off {MODULES}.slim_django:asgi"),
}
SYNC = Target("slim-sync", "Django with sync views on gunicorn gthread", "slim-sync")
ASYNC = Target("slim-async", "Django with async views on uvicorn", "slim-async")
SOME, MANY = CONCURRENT

DJANGO_ASYNC = Claim(
    "django-async",
    "Django historically had limited async support, though recent versions have improved"
    " significantly with async views and ORM operations.",
    "The same small Django project, without middleware, answers at least as many requests a second"
    " with async views and the async ORM on uvicorn as with sync ones on gunicorn (32 threads):"
    " hello and users with 64 connections, and wait with 512.",
    [
        *versus(ASYNC, [SYNC], ["hello", "users"], [SOME], 1),
        *versus(ASYNC, [SYNC], ["wait"], [MANY], 1),
    ],
    servers=SLIM,
)
FASTAPI_LEADS = Claim(
    "fastapi-leads",
    "Its async support continues improving with each release, but FastAPI still leads"
    " significantly in performance-critical applications.",
    "FastAPI answers at least 1.5 times as many requests a second as a small Django project with"
    " async views, the async ORM and no middleware, both on uvicorn: hello and users with 64"
    " connections, and wait with 512.",
    [
        *versus(FASTAPI, [ASYNC], ["hello", "users"], [SOME], 1.5),
        *versus(FASTAPI, [ASYNC], ["wait"], [MANY], 1.5),
    ],
    servers=SLIM,
)
