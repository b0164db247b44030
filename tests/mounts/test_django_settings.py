"""A process has one Django project: a second one is refused, and never silently the first."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT, SCRIPTS

SETTINGS = """
SECRET_KEY = "never used"
ROOT_URLCONF = "{name}.urls"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = "Asia/Tokyo"
"""
URLS = """
from django.http import JsonResponse
from django.urls import path
urlpatterns = [path("total", lambda request: JsonResponse({{"total": "{name}"}}))]
"""
ENTRY = """
import os
from django.core.{kind} import get_{kind}_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{name}.settings")
application = get_{kind}_application()
"""
ASSIGNS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "{name}.settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
SINGLE = """
import sys
from django.conf import settings
{guard}settings.configure(SECRET_KEY="never used", ROOT_URLCONF=__name__)
from django.core.wsgi import get_wsgi_application
urlpatterns = []
application = get_wsgi_application()
"""
# A Flask application that uses Django's ORM.
ORM = """
import os
{before}
import django
from flask import Flask
django.setup()
application = Flask(__name__)
"""
# Sets Django up by the first request.
LATE = """
import os
from flask import Flask
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "club.settings")
application = Flask(__name__)
"""
FILES = {
    "single.py": SINGLE.format(guard=""),
    "another_single.py": SINGLE.format(guard=""),
    "guarded.py": SINGLE.format(guard="if not settings.configured:\n    "),
    "another_guarded.py": SINGLE.format(guard="if not settings.configured:\n    "),
    "swallows.py": (
        "try:\n    import club.wsgi\nexcept Exception:\n    pass\napplication = lambda *_: []\n"
    ),
    "orm.py": ORM.format(before=""),
    "orm_of_club.py": ORM.format(
        before='os.environ.setdefault("DJANGO_SETTINGS_MODULE", "club.settings")'
    ),
    "late.py": LATE,
    "fails.py": "import club.wsgi, no_such_module\n",
    "fails_early.py": "import club.defaults, no_such_module\n",
    "club/defaults.py": (
        'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "club.settings")\n'
    ),
    **{
        f"{name}/{file}.py": text.format(name=name, kind=file)
        for name in ("shop", "club")
        for file, text in {
            "settings": SETTINGS,
            "production": "from {name}.settings import *\n",
            "urls": URLS,
            "wsgi": ENTRY,
            "asgi": ENTRY,
            "assigns": ASSIGNS,
        }.items()
    },
}
# Loads each module as the application at /MODULE; prints what happened to each, and the variable.
LOAD = """
import importlib, json, os, sys
from framework_gateway.mounts.django_settings import SecondDjango, in_force, one_django
found = {}
for name in sys.argv[1:]:
    module, _, label = name.partition("=")
    try:
        with one_django(label or f"/{module}"):
            importlib.import_module(module)
        found[name] = in_force()
    except SecondDjango as error:
        found[name] = f"refused: {error}"
    except Exception as error:
        found[name] = f"failed: {error}"
found["variable"] = os.environ.get("DJANGO_SETTINGS_MODULE")
found["django"] = "django" in sys.modules
found["environ"] = type(os.environ).__name__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two Django projects, and applications that use Django otherwise."""
    directory = tmp_path_factory.mktemp("projects")
    for name, text in FILES.items():
        file = directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return directory


def environment(directory: Path, shell: str | None) -> dict[str, str]:
    """Return an environment in which ``DJANGO_SETTINGS_MODULE`` is what a shell has set."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(directory)])}
    found.pop("DJANGO_SETTINGS_MODULE", None)
    return found | ({"DJANGO_SETTINGS_MODULE": shell} if shell is not None else {})


class Loaded:
    """The applications of one process."""

    def __init__(self, directory: Path, *modules: str, shell: str | None = None) -> None:
        result = subprocess.run(
            [sys.executable, "-c", LOAD, *modules],
            cwd=directory,
            env=environment(directory, shell),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr
        self.log = result.stderr
        self.found: dict[str, Any] = json.loads(result.stdout)
        assert self.found["environ"] == "_Environ", "os.environ is not as it was"

    def __getitem__(self, name: str) -> Any:
        return self.found[name]


def test_two_entries_of_one_project_are_one_project(projects: Path) -> None:
    loaded = Loaded(projects, "shop.wsgi", "shop.asgi", "shop.assigns")
    assert loaded["shop.wsgi"] == loaded["shop.asgi"] == loaded["shop.assigns"] == "shop.settings"
    assert loaded["variable"] == "shop.settings"
    assert loaded.log == ""


@pytest.mark.parametrize(
    "second", ["club.wsgi", "club.asgi", "club.assigns", "orm_of_club", "late"]
)
@pytest.mark.parametrize("first", ["shop.wsgi", "shop.assigns"])
def test_a_second_project_is_refused_in_one_sentence(
    projects: Path, first: str, second: str
) -> None:
    loaded = Loaded(projects, first, second, "shop.asgi")
    assert loaded[second] == (
        "refused: it asks for Django settings from club.settings, but"
        f" this process uses shop.settings for the application at /{first}, and Django has one"
        " settings module a process: run one of the two in a process of its own"
        f" (--isolate /{second})"
    )
    assert loaded["variable"] == "shop.settings"
    assert loaded["shop.asgi"] == "shop.settings"


def test_a_refusal_cannot_be_swallowed(projects: Path) -> None:
    loaded = Loaded(projects, "shop.wsgi", "swallows")
    assert loaded["swallows"].startswith("refused: it asks for")


def test_a_project_that_is_set_up_later_is_the_first_all_the_same(projects: Path) -> None:
    loaded = Loaded(projects, "late", "shop.wsgi", "club.wsgi")
    assert "uses club.settings for the application at /late" in loaded["shop.wsgi"]
    assert loaded["club.wsgi"] == loaded["variable"] == "club.settings"


def test_a_flask_application_may_use_the_project_of_another_mount(projects: Path) -> None:
    loaded = Loaded(projects, "club.wsgi", "orm", "orm_of_club")
    assert loaded["orm"] == loaded["orm_of_club"] == "club.settings"


def test_the_variable_of_the_shell_wins_for_one_project_and_is_told_once(projects: Path) -> None:
    loaded = Loaded(projects, "shop.wsgi", "shop.asgi", "orm", shell="shop.production")
    assert {loaded[name] for name in ("shop.wsgi", "shop.asgi", "orm")} == {"shop.production"}
    assert loaded.log == (
        "The application at /shop.wsgi asks for Django settings from shop.settings, but the"
        " environment sets DJANGO_SETTINGS_MODULE=shop.production, which is used\n"
    )
    assert loaded["variable"] == "shop.production"


@pytest.mark.parametrize("shell", ["shop.production", "club.settings"])
def test_the_variable_of_the_shell_does_not_make_two_projects_one(
    projects: Path, shell: str
) -> None:
    loaded = Loaded(projects, "shop.wsgi", "club.wsgi", shell=shell)
    assert loaded["club.wsgi"] == (
        "refused: it asks for Django settings from club.settings, but"
        f" this process uses {shell} for the application at /shop.wsgi, which asks for"
        " shop.settings, and Django has one settings module a process: run one of the two in a"
        " process of its own (--isolate /club.wsgi)"
    )
    assert loaded["variable"] == shell


def test_an_application_that_relies_on_the_variable_is_refused_beside_another_project(
    projects: Path,
) -> None:
    """The first one does not ask by the variable, so the variable still names another project."""
    loaded = Loaded(projects, "django_app.wsgi", "orm", "orm_of_club", shell="shop.settings")
    assert loaded["django_app.wsgi"] == "django_app.settings"
    assert "asks for Django settings from shop.settings" in loaded["orm"]
    assert "asks for Django settings from club.settings" in loaded["orm_of_club"]
    assert loaded["variable"] == "shop.settings"


@pytest.mark.parametrize("first", ["shop.wsgi", "single", "guarded"])
@pytest.mark.parametrize("second", ["another_single", "another_guarded"])
def test_a_second_project_in_a_single_file_is_refused(
    projects: Path, first: str, second: str
) -> None:
    loaded = Loaded(projects, first, second)
    assert loaded[second].startswith(
        "refused: it asks for Django settings from settings.configure(), but this process uses"
    )
    assert f"for the application at /{first}" in loaded[second]


def test_a_project_after_a_single_file_is_refused(projects: Path) -> None:
    loaded = Loaded(projects, "single", "shop.wsgi")
    assert loaded["single"] == "settings.configure()"
    assert (
        "this process uses settings.configure() for the application at /single"
        in (loaded["shop.wsgi"])
    )
    assert loaded["variable"] is None


def test_a_load_that_fails_otherwise_keeps_its_own_error(projects: Path) -> None:
    loaded = Loaded(projects, "fails", "shop.wsgi", "club.asgi")
    assert loaded["fails"] == "failed: No module named 'no_such_module'"
    assert "uses club.settings for the application at /fails" in loaded["shop.wsgi"]
    assert loaded["club.asgi"] == loaded["variable"] == "club.settings"


def test_a_load_that_fails_before_django_is_set_up_makes_room(projects: Path) -> None:
    loaded = Loaded(projects, "fails_early", "shop.wsgi", "club.wsgi")
    assert loaded["fails_early"] == "failed: No module named 'no_such_module'"
    assert loaded["shop.wsgi"] == loaded["variable"] == "shop.settings"
    assert loaded["club.wsgi"].startswith("refused: ")


THREADS = """
import os, threading
from framework_gateway.mounts import django_settings
usual, both = type(os.environ), threading.Barrier(2)

def quiet():
    with django_settings.one_django("/quiet"):
        both.wait(30)
        both.wait(30)

thread = threading.Thread(target=quiet)
thread.start()
both.wait(30)
with django_settings.one_django("/shop"):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
both.wait(30)
thread.join()
print(django_settings._project.owner, type(os.environ) is usual)
"""


def test_loads_at_the_same_time_ask_each_for_itself(projects: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", THREADS],
        cwd=projects,
        env=environment(projects, None),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout == "/shop True\n", result.stderr


def test_applications_without_django_do_not_import_it(projects: Path) -> None:
    loaded = Loaded(projects, "late", "flask")
    assert loaded["django"] is False
    assert loaded["flask"] is None


def test_targets_are_called_by_their_names(projects: Path) -> None:
    loaded = Loaded(projects, "shop.wsgi=old", "club.wsgi=new")
    assert loaded["club.wsgi=new"].startswith("refused: it asks for")
    assert "shop.settings for the target old, and" in loaded["club.wsgi=new"]


def compare(directory: Path, **targets: str) -> subprocess.CompletedProcess[str]:
    """Run ``gateway compare`` in a process that is in the time zone UTC."""
    options = [part for name, app in targets.items() for part in ("--target", f"{name}={app}")]
    return subprocess.run(
        [SCRIPTS / "gateway", "compare", "GET", "/total", *options],
        cwd=directory,
        env=environment(directory, None) | {"TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_compare_runs_a_second_project_in_a_process_of_its_own(projects: Path) -> None:
    result = compare(projects, old="shop.wsgi:application", new="club.wsgi:application")
    assert result.returncode == 1, result.stderr
    assert "shop" in result.stdout
    assert "club" in result.stdout
    assert "The target new runs in a process of its own" in result.stderr
    assert "asks for Django settings from club.settings" in result.stderr


def test_compare_tells_that_a_target_moves_the_time_zone_of_the_others(projects: Path) -> None:
    result = compare(projects, old="late:application", new="club.wsgi:application")
    assert result.returncode == 1, result.stderr
    assert "The target new changed the time zone (TZ)" in result.stderr
