"""The allowed hosts, for every path."""

import pytest
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from framework_gateway.security.checks import check_headers
from framework_gateway.security.hosts import Hosts
from tests.conftest import FRAMEWORKS, assert_problem

ALLOWED = ["shop.example", ".wild.example", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize(
    "host",
    [
        *("shop.example", "SHOP.example:8000", "shop.example.", "shop.example.:80"),
        *("wild.example", "a.wild.example", "a.b.wild.example:1"),
        *("127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"),
    ],
)
def test_an_allowed_host_is_served(host: str) -> None:
    Hosts(ALLOWED)({"path": "/"}, host.encode())


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "shop.example.evil", "ashop.example", "a.shop.example"),
        *("awild.example", "wild.example.evil", "127.0.0.2", "[::2]", ":80", ""),
    ],
)
def test_a_host_that_is_not_allowed_is_refused(host: str) -> None:
    with pytest.raises(HTTPException) as caught:
        Hosts(ALLOWED)({"path": "/"}, host.encode())
    assert caught.value.status_code == 400


def test_refused_hosts_are_not_cached() -> None:
    hosts = Hosts(ALLOWED, exempt=["/health/"])
    for number in range(100):
        hosts({"path": "/"}, b"%d.wild.example" % number)
        hosts({"path": "/health/live"}, b"%d.example" % number)
    assert hosts._check.cache_info().currsize == 100


def test_a_missing_host_is_refused_unless_every_host_is_allowed() -> None:
    with pytest.raises(HTTPException):
        Hosts(ALLOWED)({"path": "/"}, None)
    Hosts(["*"])({"path": "/"}, None)


def test_probes_can_use_an_ip_address() -> None:
    hosts = Hosts(ALLOWED, exempt=["/health/"])
    hosts({"path": "/health/live"}, b"10.0.0.1")
    hosts({"path": "/outer/health/live", "root_path": "/outer"}, b"10.0.0.1")
    with pytest.raises(HTTPException):
        hosts({"path": "/flask/health/live"}, b"10.0.0.1")


@pytest.mark.parametrize("path", ["/", "/nothing", *(f"/{name}/api/hello" for name in FRAMEWORKS)])
def test_every_mount_and_page_refuses_another_host(gateway: TestClient, path: str) -> None:
    assert_problem(gateway.get(path, headers={"Host": "evil.example"}), 400)
    assert gateway.get(path).status_code != 400


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize(
    "host",
    ["localhost:", "localhost:80", "localhost:00080", "LOCALHOST:", "localhost.:", "[::1]:"],
)
def test_an_empty_or_default_port_changes_nothing(
    gateway: TestClient, name: str, host: str
) -> None:
    for path in ("api/users", "api/hello", "nothing"):
        plain = gateway.get(f"/{name}/{path}", headers={"X-Request-ID": "same"})
        answer = gateway.get(f"/{name}/{path}", headers={"X-Request-ID": "same", "Host": host})
        assert (answer.status_code, answer.content) == (plain.status_code, plain.content)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_invalid_port_is_refused(gateway: TestClient, name: str) -> None:
    for host in ("localhost:65536", "localhost:99999", "localhost:123456", "localhost:x"):
        assert_problem(gateway.get(f"/{name}/api/hello", headers={"Host": host}), 400)


@pytest.mark.parametrize(
    ("scheme", "host", "seen"),
    [
        ("http", "localhost:", "localhost"),
        ("http", "localhost:80", "localhost"),
        ("https", "localhost:443", "localhost"),
        ("wss", "localhost:443", "localhost"),
        ("https", "localhost:80", "localhost:80"),
        ("http", "localhost:443", "localhost:443"),
        ("http", "localhost:8000", "localhost:8000"),
        ("http", "[::1]:80", "[::1]"),
        ("http", "[::1]", "[::1]"),
        ("http", "LocalHost:80", "LocalHost"),
    ],
)
def test_every_mount_receives_the_normalised_host(scheme: str, host: str, seen: str) -> None:
    other = (b"accept", b"*/*")
    scope = {"http_version": "1.1", "scheme": scheme, "headers": [other, (b"host", host.encode())]}
    assert check_headers(scope) == seen.encode()
    assert scope["headers"] == [other, (b"host", seen.encode())]


def test_a_websocket_to_another_host_is_refused(gateway: TestClient) -> None:
    evil = {"Host": "evil.example"}
    with (
        pytest.raises(WebSocketDisconnect),
        gateway.websocket_connect("/fastapi/api/users/live", headers=evil),
    ):
        pass
