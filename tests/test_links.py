"""Opening a link or any URL changes nothing, even for an administrator."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import MetaData, select

from contract.engines import create_sync_engine
from contract.settings import get_settings
from framework_gateway.security.identity import SAFE
from tests.browsers import HOST, Record, make_account
from tests.databases import PostgreSQL, SQLite, free_port
from tests.sampling import every
from tests.servers import serve

PASSWORD = "a long password for the tests"
WRITES = ["open", "authenticated"]
# Browsers send Sec-Fetch-Site only in a secure context.
HOSTS = ["127.0.0.1", HOST]

MALLORY = '{"name": "Mallory", "email": "mallory@{framework}.example"}'
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ADMIN = "django/admin/"
# Paths that lead from below /compare, or below a mount, to other parts of the gateway.
OUT = [
    "/../",
    "/%2e%2e/",
    "/.%2E/",
    "/%252e%252e/",
    "/..\\",
    "/..%5C",
    "/.\t./",
    "/..;/",
    "/a/..%2f../",
]


def address(page: str = "", **query: str) -> str:
    return f"/{page}?{urlencode(query)}"


ADDRESSES = [
    # The Compare page: a safe method with a body, unsafe methods, and no method
    *(address(path=f"{out}flask/api/users", type=JSON, body=MALLORY) for out in OUT),
    *(address(path=f"{out}{ADMIN}logout/", type=FORM, body="x=1") for out in OUT[:4]),
    *(
        address(method=method, path=path, type=JSON, body=MALLORY)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "post", "X", "")
        for path in ("/api/users", "/../flask/api/users")
    ),
    address(method="DELETE", path="/api/users/1"),
    address(method="DELETE", path="/{framework}/../../flask/api/users/1"),
    address(path=f"/../{ADMIN}django_app/user/1/delete/", type=FORM, body="post=yes"),
    address(path="/admin/django_app/user/1/delete/", type=FORM, body="post=yes"),
    address(path="/admin/logout/", type=FORM, body="next=/"),
    address(path="/../fastapi/api/exports", type=JSON, body="{}"),
    address(path="//evil.example/", body="x"),
    address(path="https://evil.example/", body="x"),
    address(path="@evil.example/", body="x"),
    address(path="/api/users", ignore="x\r\nCompare-Method: DELETE", body="x"),
    "/?method=GET&method=DELETE&path=/api/users/1",
    "/?path=/api/users/1&method=DELETE#request",
    # The other pages
    address("race", path="/../flask/api/users", amount="10"),
    address("live", name="Mallory", target="flask", framework="flask"),
    address("code", operation="DELETE /api/users/{user_id}"),
    *(
        address(page, method="DELETE", path="/api/users/1")
        for page in ("routes", "claims", "guide")
    ),
    # Swagger UI and ReDoc: foreign documents and options
    address("fastapi/docs", url="/flask/api/users/1", tryItOutEnabled="true"),
    address("fastapi/docs", configUrl="data:application/json,{}"),
    "/fastapi/docs?urls.primaryName=x&url=//evil.example/x#/users/delete_user",
    address("fastapi/redoc", url="//evil.example/x", **{"spec-url": "//evil.example/x"}),
    # Django's dashboard and admin
    address("django/", action="delete_selected", _selected_action="1"),
    address(f"{ADMIN}django_app/user/", action="delete_selected", _selected_action="1", post="yes"),
    address(f"{ADMIN}django_app/user/add/", name="Mallory", email="m@evil.example", _save="Save"),
    address(f"{ADMIN}django_app/user/1/delete/", post="yes"),
    address(f"{ADMIN}django_app/apitoken/add/", owner="1", name="x", _save="Save"),
    address(f"{ADMIN}login/", next="/compare/../flask/api/users"),
    # And /compare itself
    "/compare/api/users/1?method=DELETE&Compare-Method=DELETE",
    "/compare/admin/logout/",
    "/compare/{framework}/%2e%2e/api/users",
    "/compare/%252e%252e/flask/api/users/1",
    "/comp%61re/api/users/1",
]


@pytest.fixture(scope="module", params=every(2, WRITES))
def origin(request: pytest.FixtureRequest, migrated: SQLite | PostgreSQL) -> Iterator[str]:
    """A gateway in a process of its own, with each value of GATEWAY_WRITES."""
    origin = f"http://127.0.0.1:{free_port()}"
    env = {"GATEWAY_ALLOWED_HOSTS": ",".join(HOSTS), "GATEWAY_WRITES": request.param}
    command = ("gateway", "--port", origin.rpartition(":")[2])
    with serve(*command, origin=origin, path="/flask/api/hello", env=env):
        yield origin


@pytest.fixture(scope="module")
def session(origin: str, migrated: SQLite | PostgreSQL) -> dict[str, str]:
    """The cookies of an administrator; no test resets the database before all have run."""
    migrated.reset()
    with httpx.Client(base_url=f"{origin}/django/admin/login/") as client:
        client.get("")
        form = {"csrfmiddlewaretoken": client.cookies["csrftoken"], "password": PASSWORD}
        client.post("", data={**form, "username": make_account(PASSWORD)})
        return dict(client.cookies)


@pytest.fixture(params=HOSTS)
def admin(
    request: pytest.FixtureRequest, browser: Browser, origin: str, session: dict[str, str]
) -> Iterator[Page]:
    """A browser window in which the administrator is logged in."""
    url = origin.replace("127.0.0.1", request.param)
    context = browser.new_context(base_url=url)
    context.add_cookies([{"name": k, "value": session[k], "url": url} for k in session])
    page = context.new_page()
    page.goto("/django/")
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    yield page
    context.close()


def every_row() -> dict[str, list[Any]]:
    """Read all tables, including accounts, sessions and the admin's log."""
    engine = create_sync_engine(get_settings(), "flask")
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        rows = {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    return rows


def open_address(page: Page, address: str) -> None:
    """Open a URL, and wait until the page has finished its own requests."""
    page.goto(address)
    status = page.locator("[role=status]")
    if address.startswith("/?"):
        expect(status).not_to_have_text("")
        expect(status).not_to_contain_text("…")  # sending, or some have answered
    elif "/docs" in address or "/redoc" in address:
        expect(page.get_by_role("heading", name="Users API")).to_be_visible()


@pytest.mark.parametrize("admin", HOSTS[:1], indirect=True)
def test_opening_a_url_changes_nothing(admin: Page) -> None:
    record = Record(admin.context)
    before = every_row()
    assert before["django_session"]
    for one in ADDRESSES:
        open_address(admin, one)
    assert len(record.requests) > len(ADDRESSES)
    for request in record.requests:
        assert request.method in SAFE, request.url
        assert "x-csrftoken" not in request.headers, request.url
        meant = request.headers.get("compare-method", "GET")
        assert meant in SAFE, request.url
    assert every_row() == before


@pytest.mark.parametrize("admin", HOSTS[:1], indirect=True)
def test_stored_names_cannot_cause_changes(
    admin: Page, origin: str, session: dict[str, str]
) -> None:
    markup = '"><img src=x onerror=alert(1)><script src="/flask/api/users"></script>'
    user = {"name": markup, "email": f"{uuid4().hex}@example.com"}
    headers = {"X-CSRFToken": session["csrftoken"]}
    created = httpx.post(f"{origin}/flask/api/users", json=user, headers=headers, cookies=session)
    assert created.status_code == 201
    record = Record(admin.context)
    before = every_row()
    for one in ("/", "/live", "/django/", f"/{ADMIN}django_app/user/", "/?path=/api/users/3"):
        open_address(admin, one)
    assert {request.method for request in record.requests} <= SAFE
    assert every_row() == before


def test_a_click_sends_the_request_that_the_url_only_shows(
    admin: Page, session: dict[str, str]
) -> None:
    body = f'{{"name": "Dora", "email": "{uuid4().hex}@{{framework}}.example"}}'
    admin.goto(address(method="POST", path="/api/users", body=body, ignore="/id, Location"))
    expect(admin.get_by_role("status")).to_contain_text("Press “Send to all”")
    with admin.expect_request("**/compare/**") as sent:
        admin.get_by_role("button", name="Send to all").click()
    assert sent.value.method == "POST"
    assert sent.value.headers["x-csrftoken"] == session["csrftoken"]
    expect(admin.locator("#overview .code")).to_have_text(["201"] * 3)


@pytest.mark.parametrize("path", every(2, ["/../flask/api/users", "/%2e%2e/flask/api/users"]))
def test_a_click_sends_no_path_with_dot_segments(admin: Page, path: str) -> None:
    record = Record(admin.context)
    for page in ("", "race"):
        admin.goto(address(page, path=path, body=MALLORY, method="POST"))
        admin.get_by_role("button", name="Start" if page else "Send to all").click()
        expect(admin.get_by_role("status")).to_contain_text("dot segment")
    assert not [one for one in record.requests if "/flask/" in one.url or "/compare/" in one.url]


def test_a_session_needs_its_token(origin: str, session: dict[str, str]) -> None:
    browser = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": origin}
    with httpx.Client(base_url=f"{origin}/compare", cookies=session) as client:
        for wrong in ({}, {"X-CSRFToken": ""}, {"X-CSRFToken": "x" * 32}):
            for headers in (wrong, {**browser, **wrong}):
                assert client.delete("/api/users/1", headers=headers).status_code == 403
                for meant in ("DELETE", "GET"):
                    headers = {**headers, "Compare-Method": meant}
                    assert client.post("/api/users/1", headers=headers).status_code == 403
        headers = {**browser, "X-CSRFToken": session["csrftoken"]}
        document = client.patch("/api/users/1", headers=headers, json={"name": "Alice"}).json()
        assert [answer["status"] for answer in document["answers"]] == [200] * 3


def test_another_site_cannot_use_the_session(admin: Page) -> None:
    before = every_row()
    target = admin.url.removesuffix("/django/") + "/compare/api/users/1"
    form = f"<form method=post action='{target}'><button>Go</button></form>"
    other = "http://localhost/"
    admin.route(f"{other}**", lambda route: route.fulfill(body=form, content_type="text/html"))
    admin.goto(other)
    with admin.expect_response(target) as answer:
        admin.get_by_role("button", name="Go").click()
    assert answer.value.status == 403
    assert every_row() == before
