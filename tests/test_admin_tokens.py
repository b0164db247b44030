"""The API tokens in the Django admin."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2 as httpx
from starlette.testclient import TestClient

from tests.accounts import CSRF, make_account, token_of
from tests.test_admin import NAME, create_account, log_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

TOKENS = "/django/admin/django_app/apitoken/"
TOKEN_PERMISSIONS = [f"{verb}_apitoken" for verb in ("view", "add", "change", "delete")]


def clerk(gateway: TestClient) -> "User":
    """Log in as a member of staff with all permissions on tokens."""
    account: User = make_account("clerk", TOKEN_PERMISSIONS)
    log_in(gateway, account)
    gateway.cookies.set("csrftoken", CSRF, gateway.base_url.host)
    return account


def send(gateway: TestClient, path: str, **form: object) -> httpx.Response:
    """Send a form of the token pages."""
    return gateway.post(TOKENS + path, data={"csrfmiddlewaretoken": CSRF, **form})


def test_staff_create_tokens_only_for_themselves(gateway: TestClient) -> None:
    from django_app.models import ApiToken

    keeper = create_account()
    account = clerk(gateway)
    form = gateway.get(TOKENS + "add/").text
    assert 'name="owner"' not in form
    assert NAME not in form
    response = send(gateway, "add/", name="phone", owner=keeper.pk, ends_with_password="on")
    assert '<code id="token">gw_' in response.text
    made = ApiToken.objects.get(name="phone", owner__username="clerk")
    assert made.owner == account
    assert not ApiToken.objects.filter(owner=keeper).exists()
    # The key is on that page alone.
    key = response.text.partition('<code id="token">')[2].partition("<")[0]
    for page in ("", f"{made.pk}/change/", f"{made.pk}/history/"):
        assert key not in gateway.get(TOKENS + page).text
    # Nor can they give the token away or take it over later.
    send(gateway, f"{made.pk}/change/", name="tablet", owner=keeper.pk, read_only="on")
    made.refresh_from_db()
    assert (made.owner, made.name, made.read_only) == (account, "tablet", True)


def test_staff_cannot_view_or_change_tokens_of_others(gateway: TestClient) -> None:
    from django_app.models import ApiToken

    keeper = create_account()
    account = clerk(gateway)
    token_of(account)
    token_of(keeper)
    own, other = (ApiToken.objects.get(owner=owner) for owner in (account, keeper))
    text = gateway.get(TOKENS).text
    assert own.name in text
    assert other.name not in text
    for page in ("change", "delete", "history"):
        assert gateway.get(f"{TOKENS}{own.pk}/{page}/").status_code == 200
        answer = gateway.get(f"{TOKENS}{other.pk}/{page}/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/django/admin/")
        send(gateway, f"{other.pk}/{page}/", post="yes", name="mine", owner=account.pk)
    for action in ("revoke", "delete_selected"):
        send(gateway, "", action=action, _selected_action=other.pk, post="yes")
    other.refresh_from_db()
    assert (other.owner, other.revoked_at) == (keeper, None)
    assert other.name != "mine"
    send(gateway, "", action="revoke", _selected_action=own.pk)
    own.refresh_from_db()
    assert own.revoked_at is not None


def test_superusers_choose_the_owner_once(gateway: TestClient) -> None:
    from django_app.models import ApiToken

    account = make_account("helper", group="Support")
    keeper = create_account()
    log_in(gateway, keeper)
    gateway.cookies.set("csrftoken", CSRF, gateway.base_url.host)
    send(gateway, "add/", name="phone", owner=account.pk)
    made = ApiToken.objects.get(owner=account)
    assert made.name in gateway.get(TOKENS).text
    assert 'name="owner"' not in gateway.get(f"{TOKENS}{made.pk}/change/").text
    send(gateway, f"{made.pk}/change/", name="tablet", owner=keeper.pk)
    made.refresh_from_db()
    assert (made.owner, made.name) == (account, "tablet")


def test_the_form_can_restrict_tokens(gateway: TestClient) -> None:
    from django_app.models import ApiToken

    account = clerk(gateway)
    past = {"expires_at_0": "2001-02-03", "expires_at_1": "04:05:06"}
    assert "This time has passed." in send(gateway, "add/", name="phone", **past).text
    assert not ApiToken.objects.filter(owner=account).exists()
    future = {"expires_at_0": "2999-02-03", "expires_at_1": "04:05:06"}
    response = send(gateway, "add/", name="phone", read_only="on", **future)
    key = response.text.partition('<code id="token">')[2].partition("<")[0]
    made = ApiToken.objects.get(owner=account)
    assert made.read_only
    assert not made.ends_with_password
    assert made.expires_at == datetime(2999, 2, 3, 4, 5, 6, tzinfo=UTC)
    gateway.cookies.clear()
    headers = {"Authorization": f"Bearer {key}"}
    assert gateway.get("/flask/api/me", headers=headers).json() == {"name": "clerk"}
    # An old token can still be renamed.
    ApiToken.objects.update(expires_at=datetime(2001, 2, 3, tzinfo=UTC))
    assert gateway.get("/flask/api/me", headers=headers).status_code == 401
    log_in(gateway, account)
    gateway.cookies.set("csrftoken", CSRF, gateway.base_url.host)
    old = {"expires_at_0": "2001-02-03", "expires_at_1": "00:00:00"}
    assert send(gateway, f"{made.pk}/change/", name="old phone", **old).status_code == 302
