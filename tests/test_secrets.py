"""A server's output contains no secret, whatever goes wrong."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.servers import ROOT, Server, serve

# The values that must not occur in any output; each is valid in its place and occurs only there.
DATABASE_PASSWORD = "canary-database"
REDIS_PASSWORD = "canary-redis"
SECRET_KEY = "canary-key-that-signs-the-sessions-of-this-test-0123456789"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"canary-of-the-webhooks-24").decode()
SESSION, CSRF, TOKEN = "canarysession", "canarycsrf".ljust(32, "x"), "gw_canary-token"
LOGIN_PASSWORD, NAME, EMAIL = "canary-login", "canary-person", "canary-person@example.com"
SIGNATURE = "v1,canary-signature"
CANARIES = ["canary", WEBHOOK_SECRET.removeprefix("whsec_")]

SECRETS = {
    "GATEWAY_SECRET_KEY": SECRET_KEY,
    "GATEWAY_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "GATEWAY_DATABASE_TIMEOUT": "1",
}
BROKEN = """
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    raise RuntimeError("broken on purpose")
"""


@pytest.fixture(params=["down", "without-tables"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, httpx.Client]]:
    """A gateway with an unusable database and Redis, and with an application that fails."""
    (tmp_path / "broken.py").write_text(BROKEN)
    url = f"postgresql://somebody:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/gateway"
    if request.param == "without-tables":
        url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    env = {
        **SECRETS,
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:{free_port()}",
    }
    origin = f"http://127.0.0.1:{free_port()}"
    command = ("gateway", "--port", origin.rpartition(":")[2], "--mount", "/own=broken:application")
    with (
        serve(*command, origin=origin, path="/flask/api/hello", env=env, cwd=tmp_path) as process,
        # A response with status 500 ends its connection.
        httpx.Client(base_url=origin, headers={"Connection": "close"}) as client,
    ):
        yield process, client


def test_failures_print_no_secret(server: tuple[Server, httpx.Client]) -> None:
    process, client = server
    token = {"Authorization": f"Bearer {TOKEN}"}
    session = {"Cookie": f"sessionid={SESSION}; csrftoken={CSRF}", "X-CSRFToken": CSRF}
    person = {"name": NAME, "email": EMAIL}
    form = {"username": NAME, "password": LOGIN_PASSWORD, "csrfmiddlewaretoken": CSRF}
    signed = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": SIGNATURE}
    for headers in ({}, token, session):
        for prefix in ("/flask", "/fastapi", "/django", "/compare", "/own"):
            client.get(f"{prefix}/api/users", params={"search": NAME}, headers=headers)
            client.post(f"{prefix}/api/users", json=person, headers=headers)
            client.patch(f"{prefix}/api/users/1", json=person, headers=headers)
        client.get("/django/", headers=headers)
        client.post("/fastapi/api/exports", headers=headers)
    # The response begins before the query, and is then cut off.
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/fastapi/api/users/export")
    cookie = {"Cookie": f"csrftoken={CSRF}"}
    failed = client.post("/django/admin/login/", data=form, headers=cookie)
    assert failed.status_code == 503
    client.post("/flask/webhooks/users", json=person, headers=signed)
    assert client.post("/own/", json=person, headers=token | session).status_code in (500, 503)
    assert "The database cannot be used" in process.output
    for canary in CANARIES:
        assert canary not in process.output
    assert "Redis cannot count requests" in process.output
    assert "broken on purpose" in process.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_DATABASE_URL", f"mysql://somebody:{DATABASE_PASSWORD}@host/name"),
        ("GATEWAY_DATABASE_URL", f"postgresql://somebody:x/{DATABASE_PASSWORD}@host/name"),
        ("GATEWAY_DATABASE_URL", f"postgresql://somebody:{DATABASE_PASSWORD}#@host/name"),
        ("GATEWAY_DATABASE_URL", f"postgresql://somebody:[{DATABASE_PASSWORD}@host/name"),
        ("GATEWAY_REDIS_URL", f"redis://:x/{REDIS_PASSWORD}@host"),
        ("GATEWAY_REDIS_URL", f"http://:{REDIS_PASSWORD}@host"),
        ("GATEWAY_WEBHOOK_SECRET", "canary?"),
        ("GATEWAY_ENV", "production"),
    ],
)
def test_a_refused_start_prints_no_secret(name: str, value: str) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("gateway"), "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_SECRET_KEY": "canary-short", name: value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert "canary" not in result.stderr
    assert all(line.startswith("GATEWAY_") for line in result.stderr.splitlines())
