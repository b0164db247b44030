"""Django's settings with a cache in front of the list of users."""

from django_app.settings import *  # noqa: F403  # how Django settings build on others

ROOT_URLCONF = "showdown.claims.apps.cached_urls"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
