"""Django as a WSGI application."""

from django.core.handlers.wsgi import WSGIHandler

from django_app.project import set_up

set_up()
application = WSGIHandler()
