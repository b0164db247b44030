"""In production, only staff can use the pages that send requests."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from contract.settings import get_settings
from tests.assets import STYLE
from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite
from tests.test_admin import NAME, create_account, log_in
from tests.test_identity import account_of, bearer, make_token

PAGES = ["/", "/race"]
OPEN = ["/code", "/claims", "/live", "/routes", "/guide", STYLE, "/health/live"]
LOGIN = "/django/admin/login/?next="


@pytest.fixture(scope="module")
def shared_closed(migrated: SQLite | PostgreSQL) -> Iterator[TestClient]:
    """A gateway whose pages are for staff."""
    from gateway import create_app

    settings = get_settings().model_copy(update={"pages": "staff"})
    with TestClient(create_app(settings), "http://127.0.0.1", follow_redirects=False) as client:
        yield client


@pytest.fixture
def closed(shared_closed: TestClient, database: SQLite | PostgreSQL) -> TestClient:
    """The same on a fresh database, with a client that is not logged in."""
    shared_closed.cookies.clear()
    return shared_closed


def make_member(**fields: bool) -> None:
    """Create or change the account."""
    type(account_of(NAME)).objects.filter(username=NAME).update(**fields)


def test_anonymous_visitors_are_redirected_to_the_login_and_back(closed: TestClient) -> None:
    for page in PAGES:
        response = closed.get(f"{page}?path=/api/users%3Fa=1&method=POST")
        assert response.status_code == 302
        query = "?path=/api/users%3Fa=1&method=POST"
        assert httpx.URL(response.headers["Location"]).params["next"] == page + query
        assert response.headers["Location"].startswith(LOGIN)
        assert closed.get(response.headers["Location"]).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_anonymous_comparisons_are_refused(closed: TestClient, method: str) -> None:
    for path in ("/api/users", "/api/users/1"):
        response = closed.request(method, f"/compare{path}")
        assert_problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert_problem(closed.get("/compare/api/users", headers=bearer("gw_x")), 401)
    assert_problem(closed.get("/compare/api/users", headers={"Cookie": "sessionid=x"}), 401)


def test_anonymous_visitors_get_no_data_of_the_closed_pages(closed: TestClient) -> None:
    for path in ("/index.json", "/race.json"):
        assert_problem(closed.get(path), 401)
    for path in ("/request/curl", "/request/as"):
        assert_problem(closed.post(path, content="{}"), 401)


def test_the_other_pages_are_public(closed: TestClient) -> None:
    for page in OPEN:
        assert closed.get(page).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"is_superuser": False, "is_staff": True}, 200),
        ({"is_superuser": True, "is_staff": False}, 403),
        ({"is_superuser": False, "is_staff": False}, 403),
    ],
)
def test_the_session_must_belong_to_staff(
    closed: TestClient, fields: dict[str, bool], status: int
) -> None:
    log_in(closed, create_account())
    make_member(**fields)
    for path in (*PAGES, "/compare/api/users"):
        response = closed.get(path)
        assert response.status_code == status, path
        if status == 403:
            assert_problem(response, 403)
    make_member(is_active=False)
    assert closed.get("/compare/api/users").status_code == 401


def test_the_token_must_belong_to_staff(closed: TestClient) -> None:
    token = bearer(make_token(closed))
    assert closed.get("/compare/api/users", headers=token).json()["identical"]
    assert closed.get("/race", headers=token).status_code == 200
    make_member(is_staff=False)
    assert_problem(closed.get("/compare/api/users", headers=token), 403)


def test_staff_need_the_csrf_token_of_their_session(closed: TestClient) -> None:
    log_in(closed, create_account())
    assert_problem(closed.delete("/compare/api/users/1"), 403)
    assert closed.get("/flask/api/users/1").status_code == 200


def test_the_pages_are_closed_if_the_lookup_fails(
    closed: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from django_app import staff

    async def fail(_name: str) -> None:
        raise OperationalError("the server has gone")

    log_in(closed, create_account())
    monkeypatch.setattr(staff, "is_staff", fail)
    for path in (*PAGES, "/compare/api/hello"):
        assert_problem(closed.get(path), 503)


def test_the_pages_are_closed_if_no_login_is_mounted() -> None:
    from gateway import create_app

    settings = get_settings().model_copy(update={"pages": "staff"})
    mounts = {"/old": "tests.compare.applications:main"}
    client = TestClient(create_app(settings, mounts), "http://127.0.0.1")
    for path in (*PAGES, "/compare/users"):
        assert_problem(client.get(path), 403)
    assert client.get("/routes").status_code == 200


def test_the_pages_are_open_outside_production(gateway: TestClient) -> None:
    for path in (*PAGES, "/compare/api/users"):
        assert gateway.get(path).status_code == 200
