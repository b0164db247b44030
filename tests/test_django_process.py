"""Django leaves the process around it as it is, and needs nothing from it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.servers import ROOT

# What a process has once, read before and after Django is loaded.
WATCH = """
import json, logging, os, sys, time, warnings
def state():
    return {
        "time zone": [os.environ.get("TZ"), time.tzname, time.strftime("%H", time.gmtime(0)),
                      time.localtime(0).tm_hour],
        "environment": dict(os.environ),
        "filters": [repr(item) for item in warnings.filters],
        "root": [logging.root.level, len(logging.root.handlers), logging.root.manager.disable],
        "path": sys.path,
        "directory": os.getcwd(),
    }
before = state()
from {module} import application
after = state()
from django.conf import settings
from django.test import Client
body = Client(HTTP_HOST="localhost").get("/api/hello").content.decode()
print(json.dumps([before, after, body, settings.SETTINGS_MODULE]))
"""


def in_a_process(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh interpreter with additional environment variables."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def run(code: str, **variables: str) -> Any:
    """Run Python code that prints JSON; return the document."""
    result = in_a_process(code, **variables)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("module", ["django_app.wsgi", "django_app.asgi"])
@pytest.mark.parametrize(
    "variables",
    [
        {"TZ": "Asia/Tokyo"},
        {"TZ": "Asia/Tokyo", "DJANGO_SETTINGS_MODULE": "shop.settings"},
        {"GATEWAY_ENV": "development", "TZ": "America/New_York"},
    ],
)
def test_loading_django_changes_nothing_of_the_process(
    module: str, variables: dict[str, str]
) -> None:
    before, after, body, settings = run(WATCH.replace("{module}", module), **variables)
    for name, value in before.items():
        assert after[name] == value, name
    assert before["environment"].get("DJANGO_SETTINGS_MODULE") == variables.get(
        "DJANGO_SETTINGS_MODULE"
    )
    assert body == '{"message":"Hello, World!"}'
    assert settings == "django_app.settings"


def test_both_entries_share_one_django() -> None:
    code = """
import json
import django_app.wsgi, django_app.asgi
from django.conf import settings
print(json.dumps([settings.SETTINGS_MODULE, settings.USE_TZ, settings.is_overridden("DATABASES")]))
"""
    assert run(code) == ["django_app.settings", True, True]


def test_an_entry_takes_the_settings_that_build_on_its_own() -> None:
    code = """
import json
import showdown.claims.apps.cached_django
import django_app.wsgi
from django.conf import settings
print(json.dumps(settings.ROOT_URLCONF))
"""
    assert run(code) == "showdown.claims.apps.cached_urls"


def test_an_entry_does_not_serve_another_project() -> None:
    code = """
from django.conf import settings
settings.configure(SECRET_KEY="never used", WSGI_APPLICATION="shop.wsgi.application")
import django_app.wsgi
"""
    result = in_a_process(code)
    assert result.returncode == 1
    assert "Settings already configured" in result.stderr


def test_manage_takes_the_variable_as_usual() -> None:
    code = """
import os, runpy, sys
sys.argv = ["manage.py", "diffsettings", "--output=unified"]
runpy.run_path("manage.py", run_name="__main__")
"""
    cached = "showdown.claims.apps.cached_settings"
    result = in_a_process(code, DJANGO_SETTINGS_MODULE=cached)
    assert result.returncode == 0, result.stderr
    assert "showdown.claims.apps.cached_urls" in result.stdout


LOG = """
import logging
import django_app.wsgi
for name in ("django_app", "contract.files", "django.security"):
    logging.getLogger(name).error("The name is %s", "Zoë")
logging.getLogger("django.request").warning("4xx responses are not logged")
logging.basicConfig(format="root: %(message)s")
logging.getLogger("django_app").error("once")
"""


def test_django_alone_logs_without_the_root_logger() -> None:
    lines = in_a_process(LOG).stderr.splitlines()
    assert [line.split(" ", 2)[2] for line in lines[:-1]] == [
        "ERROR django_app The name is Zoë",
        "ERROR contract.files The name is Zoë",
        "ERROR django.security The name is Zoë",
    ]
    assert lines[-1] == "root: once"
