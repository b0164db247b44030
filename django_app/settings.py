"""Django's settings, derived from ``contract.settings``."""

import logging
import sys
from typing import Any

from psycopg import IsolationLevel

from contract.private_files import DIRECTORY_MODE, FILE_MODE, protect_database
from contract.settings import get_settings
from django_app.connections import describe_database
from django_app.project import is_command

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
    # Before staticfiles, so that runserver leaves static files to WhiteNoise.
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
    "django_app.form_limits.FormLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_app.throttling.ThrottleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_app.middleware.ProblemMiddleware",
]

# The default storage would prepare a signed cookie on every request. Only accounts with a session
# get messages.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

ROOT_URLCONF = "django_app.urls"
WSGI_APPLICATION = "django_app.wsgi.application"
# A path with and without its slash is the same resource; a redirect would lose the body of a POST.
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

DATABASES = {"default": describe_database(settings, is_command=is_command(sys.argv))}
protect_database(settings.database_url)
# For reading all users as of one moment. On SQLite, it neither waits for writers nor delays them.
DATABASES["snapshot"] = DATABASES["default"] | {
    "OPTIONS": DATABASES["default"]["OPTIONS"]
    | (
        {"transaction_mode": "DEFERRED"}
        if settings.database_url.startswith("sqlite")
        else {"isolation_level": IsolationLevel.REPEATABLE_READ}
    ),
}

CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
if settings.redis_url is not None:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": str(settings.redis_url),
    }

# The queue of background jobs is in the database; `manage.py worker` runs them.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
MEDIA_ROOT = settings.files_dir
EXPORT_DAYS = settings.export_days
EVENTS_KEPT = settings.events_kept

# Login attempts are counted in Redis for all processes, or in each process for itself.
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

# The admin has no inline scripts or styles; its style sheets have icons as data URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # the gateway sends it for all mounts
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds: a working day
if settings.env == "production":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    # Flask and FastAPI do not redirect either: the contract has no redirects.
    SECURE_REDIRECT_EXEMPT = ["(^|/)api/"]
# Strict-Transport-Security applies to the whole host, so the gateway sends it for all mounts.
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
# WhiteNoise serves the files of each app directly, without collectstatic.
WHITENOISE_USE_FINDERS = True

# The server limits the size of a query string, as for Flask and FastAPI; FormLimitMiddleware limits
# forms. Django's own limit would count the fields of a query string, too.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100_000
DATA_UPLOAD_MAX_MEMORY_SIZE = settings.max_body_size

LOG_FORMATTER = "json" if settings.env == "production" else "text"
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
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMATTER}},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # Do not log 4xx responses, only errors of the server.
        "django.request": {"level": "ERROR"},
    },
}
# The gateway formats the records that no handler takes; `manage.py` and other servers do not.
if getattr(logging.lastResort, "formatter", None) is None and not logging.getLogger().handlers:
    LOGGING["root"] = {"handlers": ["stderr"]}
