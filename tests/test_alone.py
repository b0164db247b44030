"""Each application without the gateway, on the server that its framework's docs recommend."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

import httpx2 as httpx
import pytest

from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import ROOT, serve

CAROL = {"name": "Carol", "email": "carol@example.com"}
COMMANDS = {
    "flask": ("flask", "--app", "flask_app", "run", "--debug", "--no-reload", "--port"),
    "fastapi": ("uvicorn", "fastapi_app.main:app", "--port"),
    "django": ("python", "manage.py", "runserver", "--noreload"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, migrated: SQLite | PostgreSQL) -> Iterator[httpx.Client]:
    """Each application's own server in turn."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with (
        serve(*COMMANDS[request.param], port, origin=origin, path="/api/hello"),
        httpx.Client(base_url=origin, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def alone(server: httpx.Client, database: SQLite | PostgreSQL) -> httpx.Client:
    """The server on a fresh database."""
    return server


@pytest.mark.parametrize("path", ["/api/users", "/api/users/"])
def test_the_application_lists_the_users(alone: httpx.Client, path: str) -> None:
    response = alone.get(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == (
        b'[{"id":1,"name":"Alice","email":"alice@example.com"},'
        b'{"id":2,"name":"Bob","email":"bob@example.com"}]'
    )


@pytest.mark.parametrize("path", ["/api/users", "/api/users/"])
def test_the_location_of_a_new_user_has_no_prefix(alone: httpx.Client, path: str) -> None:
    response = alone.post(path, json=CAROL)
    assert response.status_code == 201
    assert response.headers["Location"] == "/api/users/3"
    assert response.content == b'{"id":3,"name":"Carol","email":"carol@example.com"}'
    assert alone.get("/api/users/3").json() == {"id": 3, **CAROL}


def test_the_link_to_the_next_page_has_no_prefix(alone: httpx.Client) -> None:
    response = alone.get("/api/users?limit=1")
    assert response.headers["Link"] == '</api/users?limit=1&after=1>; rel="next"'


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/users/99", "There is no user with the id 99."),
        ("/nothing", "Nothing is served at this path."),
    ],
)
def test_a_missing_resource_is_a_problem_document(
    alone: httpx.Client, path: str, detail: str
) -> None:
    assert_problem(alone.get(path), 404, detail=detail)


def test_a_method_that_is_not_allowed_is_a_problem_document(alone: httpx.Client) -> None:
    response = alone.delete("/api/users")
    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_invalid_values_are_a_problem_document(alone: httpx.Client) -> None:
    problem = assert_problem(alone.post("/api/users", json={"name": "Carol"}), 422)
    assert problem["errors"] == [{"pointer": "/email", "detail": "Field required"}]


@pytest.mark.parametrize("server", ["django"], indirect=True)
def test_the_admin_has_its_styles(alone: httpx.Client) -> None:
    page = alone.get("/admin/login/?next=/admin/")
    assert page.status_code == 200
    styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert "/static/admin/css/base.css" in styles
    for path in styles:
        response = alone.get(path)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize("server", ["fastapi"], indirect=True)
def test_swagger_ui_has_no_choice_of_prefixes(alone: httpx.Client) -> None:
    assert alone.get("/docs").status_code == 200
    assert "servers" not in alone.get("/openapi.json").json()


LOG_AN_ERROR = """
import logging, django
django.setup()
logging.getLogger("django_app").error("The name is %s", "Zoë")
logging.getLogger("django.request").warning("4xx responses are not logged")
"""


def test_django_logs_json_in_production() -> None:
    env = {
        **os.environ,
        "GATEWAY_ENV": "production",
        "GATEWAY_SECRET_KEY": "a key of a test that is long enough to be one, with 0123456789",
        "GATEWAY_ALLOWED_HOSTS": "gateway.example",
        "GATEWAY_DATABASE_URL": "postgresql://gateway@127.0.0.1:1/gateway",
        "DJANGO_SETTINGS_MODULE": "django_app.settings",
    }
    result = subprocess.run(
        [sys.executable, "-c", LOG_AN_ERROR],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    record = json.loads(result.stderr)
    assert datetime.fromisoformat(record.pop("ts")).tzinfo is not None
    assert record == {"level": "ERROR", "logger": "django_app", "message": "The name is Zoë"}
