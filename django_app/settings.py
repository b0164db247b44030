"""Django's settings, taken from the project's own."""

import logging
from typing import Any

import dj_database_url

from contract.private_files import DIRECTORY_MODE, FILE_MODE, protect_database
from contract.settings import get_settings

settings = get_settings()

SECRET_KEY = settings.secret_key.get_secret_value()
DEBUG = settings.debug
ALLOWED_HOSTS = settings.allowed_hosts

INSTALLED_APPS = [
    "django_app.apps.DjangoAppConfig",
    "django_app.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles, so that runserver serves the styles as every other server does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django_app.middleware.contract",
    "django.middleware.security.SecurityMiddleware",
    "django_app.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django_app.forms.FormLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_app.throttling.ThrottleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_app.middleware.ProblemMiddleware",
]

# The default would prepare a signed cookie on every request; whoever gets a message has a session.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

ROOT_URLCONF = "django_app.urls"
WSGI_APPLICATION = "django_app.wsgi.application"
# Both forms of a path are the same resource; a redirect would lose the body of a POST.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# A connection for each thread, kept open: as many as the mount has threads. psycopg's pool, which
# Django could use instead, waits out its whole timeout when nobody listens, and tries again ever
# more seldom, so that a server which is back is not noticed for minutes.
DATABASES = {
    "default": dj_database_url.parse(
        settings.database_url, conn_max_age=None, conn_health_checks=True
    )
}
protect_database(settings.database_url)
if settings.database_url.startswith("sqlite"):
    DATABASES["default"] |= {
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL",
            "timeout": settings.database_timeout,
            # A transaction that upgrades from reading to writing fails with "database is locked".
            "transaction_mode": "IMMEDIATE",
        },
    }
else:
    DATABASES["default"] |= {
        "OPTIONS": {
            **DATABASES["default"].get("OPTIONS", {}),
            "connect_timeout": max(1, round(settings.database_timeout)),
            "application_name": "django",
        },
    }

CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
if settings.redis_url is not None:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": str(settings.redis_url),
    }

# Background jobs wait in the database, for `manage.py worker`.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
MEDIA_ROOT = settings.files_dir

# Where attempts to log in are counted: together, or by each process for itself.
THROTTLE_STORAGE = str(settings.redis_url) if settings.redis_url else "memory://"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": name}
    for name in (
        "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "django.contrib.auth.password_validation.MinimumLengthValidator",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
        "django.contrib.auth.password_validation.NumericPasswordValidator",
        "django_app.authentication.TokensEndWithPassword",
    )
]

# The admin's pages have no inline scripts or styles; icons in its styles are data.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # the gateway adds it, where browsers heed it
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds; a working day
if settings.env == "production":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    # Like the other two: the contract knows no redirects.
    SECURE_REDIRECT_EXEMPT = ["(^|/)api/"]
# Strict-Transport-Security is about all of a host: the gateway sends it for all mounts.
SILENCED_SYSTEM_CHECKS = ["security.W004"]

LANGUAGE_CODE = "en-us"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STORAGES = {
    "default": {
        "BACKEND": "django_app.storage.PrivateFileStorage",
        "OPTIONS": {
            "file_permissions_mode": FILE_MODE,
            "directory_permissions_mode": DIRECTORY_MODE,
        },
    },
    "staticfiles": {"BACKEND": "django_app.storage.PrefixedStaticFilesStorage"},
}
# Serve each app's own files; there is nothing to collect first.
WHITENOISE_USE_FINDERS = True

# Query strings are bounded by the size of the head, as in the other two, and not by count; forms,
# by FormLimitMiddleware.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100_000
DATA_UPLOAD_MAX_MEMORY_SIZE = settings.max_body_size

FORM_OF_RECORDS = "json" if settings.env == "production" else "text"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "{levelname}{name}{message}",
            "style": "{",
            "timestamp": "ts",
            "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "exc"},
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": FORM_OF_RECORDS}},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # The contract's 4xx answers are no news; what fails on the server is.
        "django.request": {"level": "ERROR"},
    },
}
# The gateway has a handler for all of the process; `manage.py` and other servers have none.
if not logging.getLogger().handlers:
    LOGGING["root"] = {"handlers": ["stderr"]}
