"""No credential appears in a document, a command, a report or a page."""

import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.credentials import mask
from framework_gateway.compare.reports.terminal import print_comparison
from tests.test_admin import create_account, log_in

SECRET = "canary-of-a-credential"
SENT = {
    "Authorization": f"Bearer {SECRET}",
    "Proxy-Authorization": f"Basic {SECRET}",
    "Cookie": f"sessionid={SECRET}; {SECRET}=x",
    "X-CSRFToken": SECRET,
    "X-API-Key": SECRET,
}


async def show(request: HTTPRequest) -> Response:
    """Set cookies, and answer with headers that only clients should send."""
    response = PlainTextResponse("here", headers={"Authorization": SECRET, "X-CSRFToken": SECRET})
    response.set_cookie("sessionid", SECRET, httponly=True, max_age=3600, samesite="lax")
    response.headers.append("Set-Cookie", SECRET)
    response.headers.append("Set-Cookie", f"a=1; Path=/, b={SECRET}; HttpOnly; c={SECRET}")
    return response


def make(name: str) -> Starlette:
    async def fail(_request: HTTPRequest) -> Response:
        return PlainTextResponse(name, headers={"Set-Cookie": f"a={SECRET}{name}"})

    return Starlette(routes=[Route("/show", show), Route("/differ", fail)])


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", f"Bearer {SECRET}", "***"),
        ("COOKIE", f"a={SECRET}", "***"),
        ("Set-Cookie", f"a={SECRET}", "a=***"),
        ("set-cookie", f"a={SECRET}; Path=/; HttpOnly", "a=***; Path=/; HttpOnly"),
        (
            "set-cookie",
            f'a="{SECRET}; x"; expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax; Secure',
            "a=***; ***; expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax; Secure",
        ),
        ("set-cookie", SECRET, "***"),
        ("set-cookie", "a=; Path=/;", "a=; Path=/"),
        ("set-cookie", 'a=""', "a="),
        ("set-cookie", f"a=1; Path=/, b={SECRET}", "a=***; ***"),
        ("set-cookie", f"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT, b={SECRET}", "a=***; ***"),
        ("Content-Type", "text/plain", "text/plain"),
    ],
)
def test_credentials_in_headers_are_masked(name: str, value: str, shown: str) -> None:
    assert mask(name, value) == shown


@pytest.mark.parametrize("path", ["/show", "/differ", "/nothing"])
def test_no_credential_is_in_the_document(path: str) -> None:
    from gateway import create_app

    client = TestClient(
        create_app(applications={"/a": make("a"), "/b": make("b")}), "http://127.0.0.1"
    )
    text = client.get(f"/compare{path}", headers=SENT).text
    assert SECRET not in text
    curl = json.loads(text)["answers"][0]["curl"]
    assert "'authorization: ***'" in curl
    if path == "/show":
        assert "sessionid=***; HttpOnly; Max-Age=3600; Path=/; SameSite=lax" in text


def test_no_credential_is_in_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    applications = {"a": make("a"), "b": make("b")}
    with comparing(applications, headers=["Set-Cookie"]) as compare:
        for path in ("/show", "/differ"):
            comparison = compare("GET", path, headers=SENT)
            assert comparison.identical == (path == "/show")
            print_comparison(comparison)
            assert SECRET not in json.dumps(comparison.as_dict()) + str(comparison)
    assert SECRET not in capsys.readouterr().out


def test_a_live_session_is_not_shown(gateway: TestClient) -> None:
    log_in(gateway, create_account())
    key = gateway.cookies["sessionid"]
    for path in ("/admin/", "/admin/login/", "/api/me"):
        assert key not in gateway.get(f"/compare{path}").text
