"""Django as an ASGI application."""

from django.core.handlers.asgi import ASGIHandler

from django_app.project import set_up

set_up()
application = ASGIHandler()
