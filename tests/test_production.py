"""The effect of GATEWAY_ENV=production on cookies, the admin and Django's own checks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx2 as httpx
import pytest

from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import free_port
from tests.servers import ROOT, serve

PRODUCTION = {
    "GATEWAY_ENV": "production",
    "GATEWAY_SECRET_KEY": "a key of a test that is long enough to be one, with 0123456789",
    "GATEWAY_ALLOWED_HOSTS": "gateway.example",
    "GATEWAY_DATABASE_URL": "postgresql://gateway@127.0.0.1:1/gateway",
    "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
}
FROM_PROXY = {"Host": "gateway.example", "X-Forwarded-Proto": "https"}


def test_djangos_own_deployment_checks_find_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    # The silenced check concerns something that this suite tests elsewhere.
    assert result.stdout == "System check identified no issues (1 silenced).\n"


@pytest.fixture(scope="module")
def production() -> Iterator[httpx.Client]:
    """A client of a gateway in production that trusts the proxy on this machine.

    Its database does not exist, because a login page needs none.
    """
    origin = f"http://127.0.0.1:{free_port()}"
    command = ("gateway", "--port", origin.rpartition(":")[2])
    with (
        serve(*command, origin=origin, path="/flask/api/hello", env=PRODUCTION),
        httpx.Client(base_url=origin) as client,
    ):
        yield client


def test_cookies_stay_on_https_and_on_this_site(production: httpx.Client) -> None:
    response = production.get("/django/admin/login/", headers=FROM_PROXY)
    assert response.status_code == 200
    cookie = SimpleCookie(response.headers["Set-Cookie"])["csrftoken"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("path", ["/django/admin/login/", "/django/"])
def test_the_admin_redirects_to_https(production: httpx.Client, path: str) -> None:
    response = production.get(path, headers={"Host": "gateway.example"})
    assert response.status_code == 301
    assert response.headers["Location"] == f"https://gateway.example{path}"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("framework", ["flask", "fastapi", "django"])
def test_the_api_does_not_redirect_to_https(production: httpx.Client, framework: str) -> None:
    response = production.get(f"/{framework}/api/hello", headers={"Host": "gateway.example"})
    assert response.status_code == 200


def test_pages_that_send_requests_are_for_staff(production: httpx.Client) -> None:
    for page in ("/", "/race"):
        response = production.get(page, headers=FROM_PROXY)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/django/admin/login/?next=")
    assert production.get("/compare/api/hello", headers=FROM_PROXY).status_code == 401


def test_the_wait_endpoint_waits_at_most_100_ms(
    production: httpx.Client,
) -> None:
    problems = set()
    for framework in FRAMEWORKS:
        path = f"/{framework}/api/wait?ms="
        assert production.get(f"{path}100", headers=FROM_PROXY).json() == {"waited_ms": 100}
        response = production.get(f"{path}101", headers=FROM_PROXY)
        problem = assert_problem(response, 422)
        problems.add(str({**problem, "request_id": ""}))
    assert len(problems) == 1
    document = production.get("/fastapi/openapi.json", headers=FROM_PROXY).json()
    (parameter,) = document["paths"]["/api/wait"]["get"]["parameters"]
    assert parameter["schema"]["maximum"] == 100
