"""Permissions: every person with every credential, on every route, in all three frameworks.

The tables are written independently of the tested code.
"""

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from tests.accounts import CSRF, USER_PERMISSIONS, make_account, session_of, token_of
from tests.conftest import FRAMEWORKS, assert_problem
from tests.sampling import every

EVERYTHING = {
    *USER_PERMISSIONS,
    *("view_userevent", "view_export", "view_daystatistic"),
    *("view_apitoken", "add_apitoken", "is_superuser"),
}


class Person(NamedTuple):
    """A person with an account.

    Attributes:
        holds: the person's permissions, whether direct or by a group.
        options: for creating the account.
    """

    holds: set[str]
    options: Mapping[str, Any] = MappingProxyType({})


PEOPLE = {
    "member": Person(set(), {"is_staff": False}),
    "clerk": Person(set()),
    "support": Person({"view_user", "view_userevent"}, {"group": "Support"}),
    "auditor": Person({"view_userevent"}),
    "editor": Person({"add_user", "change_user"}),
    "remover": Person({"delete_user"}, {"is_staff": False}),
    "superuser": Person(EVERYTHING, {"is_superuser": True}),
}
CREDENTIALS = [
    *((name, "token") for name in PEOPLE),
    *((name, "session") for name in ("clerk", "support", "editor", "superuser")),
    *((name, "read-only token") for name in ("support", "editor", "superuser")),
]
VIEW = {"view_user", "change_user"}  # either allows viewing users, as in the admin
ADD, CHANGE, DELETE = {"add_user"}, {"change_user"}, {"delete_user"}
ALICE = {"name": "Alice", "email": "alice@example.com"}
EXPORT = "/api/exports/2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d"


class RequestCase(NamedTuple):
    """A request that changes nothing, even if it is permitted.

    Attributes:
        status: of the response, if the person may send the request.
        needs: permissions, one of which is enough; empty: everybody may send it.
        elsewhere: the status in Flask and Django if only FastAPI serves the path.
    """

    method: str
    path: str
    status: int
    needs: Set[str] = frozenset()
    body: Any = None
    elsewhere: int | None = None

    def statuses(self, refusal: int | None) -> list[int]:
        """Return the status of each framework, unless the request is refused."""
        if refusal:
            return [refusal] * len(FRAMEWORKS)
        elsewhere = self.elsewhere or self.status
        return [self.status if name == "fastapi" else elsewhere for name in FRAMEWORKS]


REQUESTS = [
    RequestCase("GET", "/api/users", 200),
    RequestCase("HEAD", "/api/users", 200),
    RequestCase("OPTIONS", "/api/users", 204),
    RequestCase("GET", "/api/users/1", 200),
    RequestCase("GET", "/api/users/999", 404),
    RequestCase("GET", "/api/hello", 200),
    RequestCase("GET", "/api/wait?ms=0", 200),
    RequestCase("POST", "/api/users", 409, ADD, ALICE),
    RequestCase("POST", "/api/users/", 409, ADD, ALICE),
    RequestCase("PUT", "/api/users/1", 200, CHANGE, ALICE),
    RequestCase("PATCH", "/api/users/1", 200, CHANGE, {}),
    RequestCase("PATCH", "/api/users/1/", 200, CHANGE, {}),
    RequestCase("PATCH", "/api/users/999", 404, CHANGE, {"name": "Nobody"}),
    RequestCase("DELETE", "/api/users/999", 404, DELETE),
    RequestCase("POST", "/api/users/1", 405, ADD, ALICE),
    RequestCase("DELETE", "/api/hello", 405, DELETE),
    RequestCase("POST", "/api/nothing", 404, ADD, ALICE),
    RequestCase("PATCH", "//api/users/1", 404, CHANGE, {}),
    RequestCase("COPY", "/api/users", 405, CHANGE),
    RequestCase("GET", EXPORT, 404, VIEW),
    RequestCase("HEAD", EXPORT + "/", 404, VIEW),
    RequestCase("GET", EXPORT + "/result", 404, VIEW),
    RequestCase("POST", "/api/exports", 202, VIEW, None, 404),
]
ME = RequestCase("GET", "/api/me", 200)
SAFE = {"GET", "HEAD", "OPTIONS"}


def account_of(name: str) -> Any:
    person = PEOPLE[name]
    held = () if person.options.get("group") else person.holds
    return make_account(name, held, **person.options)


def headers_of(name: str, credential: str) -> dict[str, str]:
    account = account_of(name)
    if credential == "session":
        return session_of(account)
    return token_of(account, read_only=credential == "read-only token")


@pytest.fixture(params=["open", "authenticated"])
def writes(request: pytest.FixtureRequest) -> str:
    """Each value of GATEWAY_WRITES."""
    form: str = request.param
    return form


@pytest.fixture
def client(request: pytest.FixtureRequest, writes: str) -> TestClient:
    """A gateway with this value of GATEWAY_WRITES."""
    name = "gateway" if writes == "open" else "guarded"
    found: TestClient = request.getfixturevalue(name)
    return found


def ask(client: TestClient, one: RequestCase, headers: dict[str, str]) -> list[httpx.Response]:
    """Send a request to each framework."""
    options: dict[str, Any] = {} if one.body is None else {"json": one.body}
    return [
        client.request(one.method, f"/{framework}{one.path}", headers=headers, **options)
        for framework in FRAMEWORKS
    ]


def common_parts(response: httpx.Response) -> str:
    """Return the parts of a refusal that are the same in all three frameworks."""
    number = response.headers["X-Request-ID"]
    names = ("Content-Type", "WWW-Authenticate", "Allow", "Cache-Control", "Vary")
    headers = [response.headers.get(name) for name in names]
    return f"{response.status_code} {headers} {response.text.replace(number, '')}"


def assert_answers(responses: list[httpx.Response], one: RequestCase, refusal: int | None) -> None:
    """Check the status in all three frameworks; the gateway's refusals are equal in every byte."""
    statuses = [response.status_code for response in responses]
    assert statuses == one.statuses(refusal), one
    if refusal:
        assert len({common_parts(response) for response in responses}) == 1, one


@pytest.mark.parametrize(("name", "credential"), every(2, [*CREDENTIALS]))
def test_each_request_is_allowed_or_refused_by_permission(
    client: TestClient, writes: str, name: str, credential: str
) -> None:
    holds = PEOPLE[name].holds
    headers = headers_of(name, credential)
    before = client.get("/flask/api/users").content
    for one in REQUESTS:
        narrowed = credential == "read-only token" and one.method not in SAFE
        permitted = writes == "open" or not one.needs or one.needs & holds
        responses = ask(client, one, headers)
        assert_answers(responses, one, 403 if narrowed or not permitted else None)
        if narrowed:
            assert responses[0].headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
            assert_problem(responses[0], 403, detail="This token may only read.")
    me = ask(client, ME, headers)
    assert {response.content for response in me} == {b'{"name":"%s"}' % name.encode()}
    assert client.get("/flask/api/users").content == before


def test_anonymous_requests_get_only_what_is_public(client: TestClient, writes: str) -> None:
    before = client.get("/flask/api/users").content
    for one in [*REQUESTS, ME]:
        refused = one is ME or (writes == "authenticated" and one.needs)
        responses = ask(client, one, {})
        assert_answers(responses, one, 401 if refused else None)
        if refused:
            assert responses[0].headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/flask/api/users").content == before


@pytest.mark.parametrize("what", ["expired", "revoked", "of an inactive account"])
def test_an_invalid_token_is_refused_on_every_route(client: TestClient, what: str) -> None:
    from django.utils import timezone

    account = account_of("superuser")
    values = {"revoked_at": timezone.now()} if what == "revoked" else {}
    headers = token_of(account, expired=what == "expired", **values)
    if what == "of an inactive account":
        account.is_active = False
        account.save()
    for one in [*REQUESTS, ME]:
        responses = ask(client, one, headers)
        assert_answers(responses, one, 401)
        assert responses[0].headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_session_cannot_write_without_its_csrf_token(guarded: TestClient) -> None:
    headers = headers_of("superuser", "session")
    del headers["X-CSRFToken"]
    for one in REQUESTS:
        refusal = None if one.method in SAFE else 403
        assert_answers(ask(guarded, one, headers), one, refusal)


def test_exports_need_the_permission_to_view_users(guarded: TestClient) -> None:
    headers = headers_of("support", "token")
    response = guarded.post("/fastapi/api/exports", headers=headers)
    address = response.headers["Location"]
    assert guarded.get(address, headers=headers).json()["state"] == "queued"
    for other in ({}, headers_of("remover", "token")):
        assert guarded.get(address, headers=other).status_code == (403 if other else 401)


def test_webhooks_need_only_their_signature(client: TestClient) -> None:
    for credential in ("session", "token", "read-only token"):
        headers = headers_of("member", credential)
        assert client.post("/flask/webhooks/users", headers=headers).status_code == 503
    assert client.post("/flask/webhooks/users").status_code == 503


PAGES: list[tuple[str, Set[str]]] = [
    ("/django/", {*VIEW, "view_userevent"}),
    ("/django/admin/django_app/user/", VIEW),
    ("/django/admin/django_app/user/1/change/", VIEW),
    ("/django/admin/django_app/user/1/history/", VIEW),
    ("/django/admin/django_app/user/1/delete/", DELETE),
    ("/django/admin/django_app/user/add/", ADD),
    ("/django/admin/django_app/userevent/", {"view_userevent"}),
    ("/django/admin/django_app/userevent/1/change/", {"view_userevent"}),
    ("/django/admin/django_app/userevent/add/", set()),
    ("/django/admin/django_app/userevent/1/delete/", set()),
    ("/django/admin/django_app/export/", {*VIEW, "view_export"}),
    ("/django/admin/django_app/daystatistic/", {"view_daystatistic"}),
    ("/django/admin/django_app/apitoken/", {"view_apitoken"}),
    ("/django/admin/django_app/apitoken/add/", {"add_apitoken"}),
    ("/django/admin/auth/user/", {"is_superuser"}),
    ("/django/admin/auth/group/", {"is_superuser"}),
    ("/django/admin/django_tasks_database/dbtaskresult/", {"is_superuser"}),
]


@pytest.mark.parametrize("name", [None, *PEOPLE])
def test_each_page_needs_its_permission(client: TestClient, name: str | None) -> None:
    person = PEOPLE[name] if name else Person(set(), {"is_staff": False})
    headers = headers_of(name, "session") if name else {}
    for path, needs in PAGES:
        response = client.get(path, headers=headers)
        if person.options.get("is_staff", True):
            assert response.status_code == (200 if needs & person.holds else 403), path
            kept = response.headers.get("Cache-Control", "")
            assert response.status_code == 403 or "no-store" in kept, path
        else:
            assert response.headers["Location"] == f"/django/admin/login/?next={path}"


@pytest.mark.parametrize("name", ["clerk", "support", "auditor", "editor"])
def test_the_admin_refuses_forms_without_permission(client: TestClient, name: str) -> None:
    """The forms are sent without being displayed first."""
    headers = headers_of(name, "session")
    before = client.get("/flask/api/users").content
    form = {"csrfmiddlewaretoken": CSRF}
    for path, needs in PAGES:
        if "django_app/user/" not in path and not needs & PEOPLE[name].holds:
            assert client.post(path, headers=headers, data=form).status_code == 403
    if not PEOPLE[name].holds & CHANGE:
        path = "/django/admin/django_app/user/1/change/"
        values = {**form, "name": "Mallory", "email": "mallory@example.com"}
        assert client.post(path, headers=headers, data=values).status_code == 403
    assert client.get("/flask/api/users").content == before


def test_all_frameworks_treat_a_method_the_same(guarded: TestClient) -> None:
    """Flask and Django treat ``post`` as POST, for which change_user is not enough."""
    changer = token_of(make_account("changer", CHANGE))
    for framework in FRAMEWORKS:
        user = {"name": "Carol", "email": f"{framework}@example.com"}
        # The in-process client sends a method that a server would refuse.
        for method in ("post", "Post", "POST"):
            request = guarded.build_request(
                "POST", f"/{framework}/api/users", json=user, headers=changer
            )
            request.method = method
            assert guarded.send(request).status_code == 403
    assert len(guarded.get("/flask/api/users").json()) == 2
