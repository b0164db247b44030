"""Set Django up with this project's settings, without changing the process around it."""

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings

SETTINGS = "django_app.settings"
WSGI_APPLICATION = "django_app.wsgi.application"
COMMANDS = {"manage.py", "django-admin"}
SERVING = {"runserver", "worker"}  # commands that do the work of a server


def set_up() -> None:
    """Load the settings and the apps, unless ``manage.py`` has done so.

    Django usually reads the module that ``DJANGO_SETTINGS_MODULE`` names, and moves the time zone
    of the process to its ``TIME_ZONE``. In a gateway, both may belong to other applications:
    options of ``settings.configure()`` need no variable and leave the time zone alone. The root
    logger stays as it is, too.

    Raises:
        RuntimeError: this process already uses the settings of another project.
    """
    if not is_configured():
        found = vars(import_module(SETTINGS))
        options = {name: value for name, value in found.items() if name.isupper()}
        options["LOGGING"] = without_root(options["LOGGING"])
        settings.configure(SETTINGS_MODULE=SETTINGS, **options)
    if not apps.ready:
        django.setup(set_prefix=False)


def is_command(arguments: Sequence[str]) -> bool:
    """Return whether the process runs a command that a person waits for, and serves nobody.

    Args:
        arguments: ``sys.argv``.
    """
    return Path(arguments[0]).name in COMMANDS and not SERVING.intersection(arguments[1:2])


def is_configured() -> bool:
    """Return whether Django uses these settings, or others that build on them."""
    return settings.configured and settings.WSGI_APPLICATION == WSGI_APPLICATION


def without_root(config: dict[str, Any]) -> dict[str, Any]:
    """Return a logging configuration that moves the root logger's handlers to this project's.

    They are silent as soon as the root logger has a handler, so that no record is logged twice.
    """
    config = {**config}
    root = config.pop("root", None)
    if root is None:
        return config
    packages = {name.partition(".")[0] for name in import_module(SETTINGS).INSTALLED_APPS}
    loggers = config["loggers"]
    own = {name: {**loggers.get(name, {}), **root} for name in {*packages, "contract"}}
    handlers = {
        name: {**config["handlers"][name], "filters": ["alone"]} for name in root["handlers"]
    }
    return config | {
        "filters": {"alone": {"()": "django_app.project.Alone"}},
        "handlers": {**config["handlers"], **handlers},
        "loggers": {**loggers, **own},
    }


class Alone(logging.Filter):
    """Passes records as long as the root logger has no handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not logging.root.handlers
