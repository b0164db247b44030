"""Forwarded headers count only if they come from a trusted proxy."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from tests.gateways import compose

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "203.0.113.8",
    "Forwarded": "for=203.0.113.9;proto=https",
}

seen: dict[str, Any] = {}


async def asgi(scope: Scope, _receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        seen.update(client=scope["client"][0], scheme=scope["scheme"])
        seen["forwarded"] = [name for name, _ in scope["headers"] if b"forward" in name]
        seen["forwarded"] += [name for name, _ in scope["headers"] if b"real" in name]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    seen.update(client=environ["REMOTE_ADDR"], scheme=environ["wsgi.url_scheme"])
    seen["forwarded"] = [name for name in environ if "FORWARD" in name or "REAL" in name]
    start_response("204 No Content", [])
    return []


def ask(path: str, peer: str, trusted: list[str], headers: dict[str, str]) -> dict[str, Any]:
    """Send a request from an address; return what the application received."""
    app = compose({"/asgi": asgi, "/wsgi": wsgi}, trusted_proxies=trusted)
    seen.clear()
    client = TestClient(app, "http://127.0.0.1", client=(peer, 1234))
    assert client.get(path, headers=headers).status_code == 204
    return seen


@pytest.mark.parametrize("path", ["/asgi", "/wsgi"])
@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("127.0.0.1", []), ("10.1.0.1", ["10.0.0.0/16", "127.0.0.1"]), ("unix", ["10.0.0.1"])],
)
def test_untrusted_clients_are_not_believed(path: str, peer: str, trusted: list[str]) -> None:
    received = ask(path, peer, trusted, FORGED)
    assert received == {"client": peer, "scheme": "http", "forwarded": []}


@pytest.mark.parametrize("path", ["/asgi", "/wsgi"])
def test_a_trusted_proxy_is_believed(path: str) -> None:
    received = ask(path, "10.0.0.1", ["10.0.0.0/16"], FORGED)
    assert received == {"client": "203.0.113.7", "scheme": "https", "forwarded": []}


def test_addresses_that_a_client_adds_before_a_trusted_proxy_are_ignored() -> None:
    chain = {"X-Forwarded-For": "1.1.1.1, 203.0.113.7, 10.0.0.2"}
    assert ask("/asgi", "10.0.0.1", ["10.0.0.0/16"], chain)["client"] == "203.0.113.7"
