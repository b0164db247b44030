"""Django's own admin, of a project whose application is called ``users``."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.applications.comparing import assert_alike, replacing
from tests.applications.environment import (
    APPS,
    BIN,
    HOST,
    Addresses,
    both,
    on_gunicorn,
    on_uvicorn,
    variables,
)
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.slow

WSGI = on_gunicorn("/club", "admin_site.wsgi:application")
ASGI = on_uvicorn("/club", "admin_site.asgi:application")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
CLEAN = replacing(r'name="csrfmiddlewaretoken" value="[^"]+"')
PASSWORD = "only the test logs in with this"


def manage(data: Path, *arguments: str) -> None:
    """Run a command of the project."""
    settings = {"DJANGO_SETTINGS_MODULE": "admin_site.settings", "PYTHONPATH": os.fspath(APPS)}
    account = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    subprocess.run(
        [BIN / "python", "-m", "django", *arguments],
        env={**os.environ, **variables(WSGI, data), **settings, **account},
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(scope="module", params=[WSGI, ASGI], ids=["wsgi", "asgi"])
def admin(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    data, usual = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("usual")
    manage(data, "migrate", "--run-syncdb")
    manage(data, "createsuperuser", "--noinput", "--username=keeper", "--email=k@example.com")
    shutil.copytree(data, usual, dirs_exist_ok=True)
    with both(request.param, data, usual) as addresses:
        yield addresses


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/login/"),
        ("HEAD", "/admin/login/"),
        ("GET", "/admin/"),
        ("GET", "/admin"),
        ("GET", "/admin/users/member/"),
        ("GET", "/nothing"),
        ("POST", "/admin/login/"),
    ],
)
def test_a_visitor(admin: Addresses, method: str, path: str) -> None:
    assert_alike(admin, method, path, clean=CLEAN, but={"set-cookie", "expires"})


def token(client: httpx.Client, path: str) -> str:
    found = TOKEN.search(client.get(path).text)
    assert found
    return found[1]


def walk(root: str) -> list[tuple[int, str]]:
    """Log in, add a member, change it, and delete it; return the answers' states and places."""
    seen: list[tuple[int, str]] = []
    with httpx.Client(
        base_url=root, headers={"Host": HOST}, timeout=PATIENCE, follow_redirects=False
    ) as client:

        def send(path: str, **form: str) -> None:
            form["csrfmiddlewaretoken"] = token(client, path)
            answer = client.post(path, data=form)
            seen.append((answer.status_code, answer.headers.get("Location", "")))

        send("/admin/login/", username="keeper", password=PASSWORD, next="/club/admin/")
        send("/admin/users/member/add/", name="Ann", joined="2026-01-02")
        send("/admin/users/member/1/change/", name="Anna", joined="2026-01-02")
        listed = client.get("/admin/users/member/")
        seen.append((listed.status_code, str("Anna" in listed.text)))
        send("/admin/users/member/1/delete/", post="yes")
        seen.append((client.get("/admin/users/member/1/change/").status_code, ""))
    return seen


def test_somebody_works_in_the_admin(admin: Addresses) -> None:
    found = walk(admin.gateway)
    assert found[:4] == [
        (302, "/club/admin/"),
        (302, "/club/admin/users/member/"),
        (302, "/club/admin/users/member/"),
        (200, "True"),
    ]
    if admin.usual.endswith("/club"):
        # Cookies are for /club, which is no part of the addresses that uvicorn answers.
        assert walk(admin.usual) == found
