"""Django with a cache in front of the list of users, as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "showdown.claims.apps.cached_settings"

application = get_wsgi_application()
