"""One login for all frameworks: sessions and tokens, and no way to fake an identity."""

from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from contract.settings import get_settings
from tests.accounts import make_account, session_of, token_of
from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import PostgreSQL, SQLite
from tests.test_admin import NAME, create_account
from tests.test_admin import log_in as log_in_by_django

TOKENS = "/django/admin/django_app/apitoken/"
CAROL = {"name": "Carol", "email": "carol@example.com"}


def log_in(client: TestClient, again: bool = False) -> dict[str, str]:
    """Log in with Django, by default as a new account; return the headers for its CSRF check."""
    log_in_by_django(client, account_of(NAME) if again else create_account())
    client.get(TOKENS + "add/")
    return {"X-CSRFToken": client.cookies["csrftoken"]}


def make_token(client: TestClient, name: str = "phone") -> str:
    """Create a token in the admin; return it from the only page that shows it."""
    csrf = log_in(client)
    form = {"owner": account_of(NAME).pk, "name": name, "csrfmiddlewaretoken": csrf["X-CSRFToken"]}
    response = client.post(TOKENS + "add/", data=form)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    token = response.text.partition('<code id="token">')[2].partition("<")[0]
    assert token.startswith("gw_")
    assert token not in client.get(TOKENS).text
    client.cookies.clear()
    return token


def account_of(name: str) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username=name)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_session_is_valid_in_each_framework(gateway: TestClient, framework: str) -> None:
    log_in(gateway)
    response = gateway.get(f"/{framework}/api/me")
    assert response.content == b'{"name":"%s"}' % NAME.encode()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_token_is_valid_in_each_framework(gateway: TestClient, framework: str) -> None:
    token = make_token(gateway)
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {token}"}
        assert gateway.get(f"/{framework}/api/me", headers=headers).json() == {"name": NAME}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Remote-User": "admin"},
        {"REMOTE_USER": "admin"},
        {"X-Remote-User": "admin"},
        {"X-Forwarded-User": "admin"},
        {"HTTP_REMOTE_USER": "admin"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Cookie": "sessionid=made-up"},
        {"Cookie": "sessionid="},
        {"Cookie": "sessionid"},
        {"Cookie": "xsessionid=1; sessionid=\x01"},
        {"Cookie": "sessionid=" + "x" * 41},
    ],
)
def test_headers_cannot_fake_an_identity(
    gateway: TestClient, framework: str, headers: dict[str, str]
) -> None:
    response = gateway.get(f"/{framework}/api/me", headers=headers)
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["", " ", "made-up", "gw_" + "x" * 43, "é"])
def test_an_invalid_token_is_refused_everywhere(guarded: TestClient, token: str) -> None:
    for path in ("/flask/api/users", "/fastapi/api/me", "/django/api/hello"):
        response = guarded.get(path, headers={b"Authorization": b"Bearer " + token.encode()})
        assert response.status_code in (200, 401)
        if token.strip():
            assert_problem(response, 401)
            assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_stored_digest_of_a_token_is_not_a_valid_token(gateway: TestClient) -> None:
    from django_app.models import ApiToken

    token = make_token(gateway)
    stored = ApiToken.objects.latest("id")
    assert str(stored) == "phone"
    assert token not in (stored.digest, stored.name)
    assert gateway.get("/flask/api/me", headers=bearer(stored.digest)).status_code == 401


def test_revoked_tokens_and_tokens_of_inactive_owners_are_refused(gateway: TestClient) -> None:
    from django.contrib.auth import get_user_model

    from django_app.models import ApiToken

    token = make_token(gateway)
    csrf = log_in(gateway, again=True)
    form = {
        "action": "revoke",
        "_selected_action": ApiToken.objects.latest("id").pk,
        "csrfmiddlewaretoken": csrf["X-CSRFToken"],
    }
    assert gateway.post(TOKENS, data=form).status_code == 302
    assert "Revoked: 1." in gateway.get(TOKENS).text
    gateway.cookies.clear()
    assert gateway.get("/flask/api/me", headers=bearer(token)).status_code == 401

    other = make_token(gateway)
    log_in(gateway, again=True)
    assert gateway.get("/flask/api/me").status_code == 200
    get_user_model().objects.filter(username=NAME).update(is_active=False)
    assert gateway.get("/flask/api/me").status_code == 401
    gateway.cookies.clear()
    assert gateway.get("/flask/api/me", headers=bearer(other)).status_code == 401


UNSAFE = [("POST", "/api/users"), ("PUT", "/api/users/1"), ("DELETE", "/api/users/1")]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("method", "path"), [*UNSAFE, ("PATCH", "/api/nothing")])
def test_anonymous_writes_are_refused_if_a_login_is_required(
    guarded: TestClient, framework: str, method: str, path: str
) -> None:
    response = guarded.request(method, f"/{framework}{path}", json=CAROL)
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.get(f"/{framework}/api/users").status_code == 200
    assert len(guarded.get("/flask/api/users").json()) == 2


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_token_can_write(guarded: TestClient, framework: str) -> None:
    token = make_token(guarded)
    response = guarded.post(f"/{framework}/api/users", json=CAROL, headers=bearer(token))
    assert response.status_code == 201


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_session_can_write_only_with_its_csrf_token(guarded: TestClient, framework: str) -> None:
    csrf = log_in(guarded)
    path = f"/{framework}/api/users"

    def post(**headers: str) -> httpx.Response:
        return guarded.post(path, json=CAROL, headers=headers)

    assert_problem(post(), 403)
    assert_problem(post(**{"X-CSRFToken": "x" * 32}), 403)
    assert_problem(post(**csrf, Origin="https://evil.example"), 403)
    assert post(**csrf, Origin="http://127.0.0.1").status_code == 201


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_identity_is_not_cached(gateway: TestClient, framework: str) -> None:
    path = f"/{framework}/api/me"
    answers = [gateway.get(path), gateway.get(path, headers=token_of(create_account()))]
    for status, answer in zip((401, 200), answers, strict=True):
        assert answer.status_code == status
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Cookie, Authorization"


def test_exports_are_not_cached(gateway: TestClient) -> None:
    order = gateway.post("/fastapi/api/exports")
    for answer in (order, gateway.get(order.headers["Location"])):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Cookie, Authorization"
    assert gateway.get("/fastapi/api/users/export").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "cookies",
    [
        ["sessionid={key}; sessionid={key}"],
        ["sessionid={key}; sessionid=other"],
        ["sessionid=other;sessionid={key}"],
        ["sessionid={key}", "sessionid=other"],
        ["sessionid={key}; csrftoken=x", "a=b; sessionid="],
        ['sessionid={key}; sessionid="other"'],
        ["sessionid={key};\tsessionid =other"],
        ["sessionid={key}; sessionid = other"],
        ["sessionid={key};\u2003sessionid=other"],
        ["sessionid={key};\xa0sessionid\xa0=other"],
        ["; ; sessionid={key}; =; sessionid; sessionid==other"],
    ],
)
@pytest.mark.parametrize("token", [True, False])
def test_two_session_cookies_are_refused(
    gateway: TestClient, cookies: list[str], token: bool
) -> None:
    account = create_account()
    key = session_of(account)["Cookie"].partition("=")[2].partition(";")[0]
    headers = [(b"Cookie", text.format(key=key).encode()) for text in cookies]
    if token:
        headers += [(name.encode(), value.encode()) for name, value in token_of(account).items()]
    for path in ("/flask/api/me", "/fastapi/api/hello", "/django/admin/", "/flask/webhooks/users"):
        answer = gateway.get(path, headers=headers)
        assert_problem(answer, 400, detail="The cookie sessionid was sent more than once.")


@pytest.mark.parametrize(
    "cookie",
    [
        "sessionid={key}; xsessionid=other; sessionid2=other; SessionId=other",
        'a="sessionid=other"; sessionid="{key}"',
        "a=b=sessionid; sessionid={key}; sessionid",
        " sessionid = {key} ;csrftoken=x",
    ],
)
def test_the_session_cookie_is_found_among_others(gateway: TestClient, cookie: str) -> None:
    key = session_of(create_account())["Cookie"].partition("=")[2].partition(";")[0]
    headers = {"Cookie": cookie.format(key=key)}
    assert gateway.get("/flask/api/me", headers=headers).json() == {"name": NAME}
    # Django does the same.
    assert gateway.get("/django/admin/", headers=headers).status_code == 200


def test_a_new_password_ends_sessions_and_optionally_tokens(gateway: TestClient) -> None:
    account = create_account("the first long password")
    session = {"Cookie": session_of(account)["Cookie"]}
    tokens = [token_of(account, ends_with_password=choice) for choice in (True, False)]

    def statuses() -> list[int]:
        paths = ("/flask/api/me", "/fastapi/api/me")
        return [
            gateway.get(path, headers=headers).status_code
            for path in paths
            for headers in (session, *tokens)
        ]

    assert statuses() == [200, 200, 200] * 2
    account.last_name = "Keeper"
    account.save()
    assert statuses() == [200, 200, 200] * 2
    account.set_password("the second long password")
    account.save()
    assert statuses() == [401, 401, 200] * 2


def test_a_disabled_password_optionally_ends_tokens(gateway: TestClient) -> None:
    account = create_account("the first long password")
    tokens = [token_of(account, ends_with_password=choice) for choice in (True, False)]
    for expected in ([200, 200], [401, 200]):
        found = [gateway.get("/flask/api/me", headers=token).status_code for token in tokens]
        assert found == expected
        account.set_unusable_password()
        account.save()
    # An account that never had a password keeps its tokens.
    new = token_of(account, ends_with_password=True)
    account.save()
    assert gateway.get("/flask/api/me", headers=new).status_code == 200


def test_the_password_page_names_what_a_new_password_ends(gateway: TestClient) -> None:
    log_in(gateway)
    text = gateway.get("/django/admin/password_change/").text
    assert "API tokens that depend on the password" in text


def test_an_inactive_account_has_no_session(gateway: TestClient) -> None:
    account = create_account()
    headers = {"Cookie": session_of(account)["Cookie"]}
    assert gateway.get("/django/api/me", headers=headers).status_code == 200
    account.is_active = False
    account.save()
    assert gateway.get("/django/api/me", headers=headers).status_code == 401
    assert gateway.get("/django/admin/", headers=headers).status_code == 302


ACCOUNTS: list[dict[str, Any]] = [
    {},
    {"permissions": ["add_user"]},
    {"permissions": ["add_user", "delete_user"]},
    {"group": "Support"},
    {"group": "Support", "permissions": ["delete_user"]},
    {"is_superuser": True},
]


@pytest.mark.parametrize("options", ACCOUNTS)
def test_the_permissions_are_djangos(
    database: SQLite | PostgreSQL, options: dict[str, Any]
) -> None:
    from django.contrib.auth.models import Permission, User

    from django_app.authentication import holds

    account = make_account("somebody", **options)
    # A permission of the same name on accounts is a different one.
    account.user_permissions.add(
        Permission.objects.get(content_type__app_label="auth", codename="change_user")
    )
    for wanted in (["add_user"], ["change_user"], ["delete_user"], ["view_user", "change_user"]):
        found = User.objects.filter(holds(wanted), pk=account.pk).exists()
        assert found == any(account.has_perm(f"django_app.{name}") for name in wanted)


def test_a_lookup_needs_few_queries(database: SQLite | PostgreSQL) -> None:
    from asgiref.sync import async_to_sync
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from django_app.authentication import user_of_session, user_of_token

    account = make_account("somebody", ["add_user"])
    token = token_of(account)["Authorization"].removeprefix("Bearer ")
    session = session_of(account)["Cookie"].partition("=")[2].partition(";")[0]
    for ask, credential, wanted, cost in (
        (user_of_token, token, (), 1),
        (user_of_token, token, ("add_user",), 1),
        (user_of_session, session, (), 2),  # the session, whose data contains the account's id
        (user_of_session, session, ("add_user",), 3),
    ):
        with CaptureQueriesContext(connection) as queries:
            person = async_to_sync(ask)(credential, wanted)
        assert person is not None
        assert (person.name, person.permitted) == ("somebody", True)
        assert len(queries) == cost


def test_without_credentials_there_is_no_lookup(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import authentication

    async def fail(*_arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(authentication, "user_of_token", fail)
    monkeypatch.setattr(authentication, "user_of_session", fail)
    for headers in ({}, {"Cookie": "theme=dark"}, {"Authorization": "Basic YTpi"}):
        assert guarded.get("/fastapi/api/users", headers=headers).status_code == 200
        assert guarded.delete("/fastapi/api/users/1", headers=headers).status_code == 401


def test_a_comparison_cannot_bypass_the_login(guarded: TestClient) -> None:
    document: dict[str, Any] = guarded.post("/compare/api/users", json=CAROL).json()
    assert {answer["status"] for answer in document["answers"]} == {401}
    csrf = log_in(guarded)
    user = {"name": "Carol", "email": "carol@{framework}.example"}
    document = guarded.post("/compare/api/users", json=user, headers=csrf).json()
    assert {answer["status"] for answer in document["answers"]} == {201}


def test_the_admin_and_webhooks_check_requests_themselves(guarded: TestClient) -> None:
    assert guarded.post("/django/admin/login/").status_code == 403
    assert guarded.post("/flask/webhooks/users").status_code == 503
    assert guarded.post("/django/admin").status_code == 401
    assert guarded.post("/flask/webhooksusers").status_code == 401


def test_a_required_login_without_django_is_an_error() -> None:
    from gateway import create_app

    settings = get_settings().model_copy(update={"writes": "authenticated"})
    with pytest.raises(SystemExit, match="GATEWAY_WRITES"):
        create_app(settings, {"/shop": "flask_app:create_app()"})


def test_a_failed_lookup_does_not_make_a_session_anonymous(
    gateway: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from django_app import authentication

    async def fail(_credential: str, _permissions: object) -> None:
        raise OperationalError("the server has gone")

    monkeypatch.setattr(authentication, "user_of_token", fail)
    monkeypatch.setattr(authentication, "user_of_session", fail)
    for headers in (bearer("gw_x"), {"Cookie": "sessionid=x"}):
        response = gateway.get("/fastapi/api/hello", headers=headers)
        assert_problem(response, 503)
        assert response.headers["Retry-After"] == "1"
    assert gateway.get("/fastapi/api/hello").status_code == 200
