"""Each request gets one response (RFC 9112, 9.3 and 11.2), however its bytes arrive.

Each request of the corpus precedes a marked request on the same connection. The server sends one
response to each of the two, or refuses and ends the connection. The application receives the whole
body, and nothing inside a body is executed.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.attack.cases import request
from tests.attack.client import HELLO, Target
from tests.attack.delivery import Delivery, deliver
from tests.attack.upgrades import HANDSHAKE
from tests.attack.verdicts import ECHOES, MARK, Attack, judge, split, ways, write_attacks
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.machines.nginx import deployed_site, make_certificate, nginx
from tests.sampling import every
from tests.servers import Server, running, serve, wait_for

# Each piece waits for the one before it, and there are many.
PATIENT = 600  # seconds to send a head or a body
SETTINGS = {"GATEWAY_HEAD_TIMEOUT": str(PATIENT), "GATEWAY_BODY_TIMEOUT": str(PATIENT)}
# The configuration that nginx's documentation shows for WebSockets and upstream keep-alive.
USUAL_SITE = """
map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 8; keepalive_timeout 2s; }}
server {{
    listen 127.0.0.1:{http};
    client_header_timeout {patient}s;
    client_body_timeout {patient}s;
    location / {{
        proxy_pass http://gateway;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_request_buffering off;
    }}
}}
"""


@pytest.fixture(scope="module")
def gateway(migrated: SQLite | PostgreSQL) -> Iterator[tuple[Target, Server]]:
    """The server with two more mounts, which echo requests; and its process."""
    target = Target(free_port())
    mounts = [f"/{name}=tests.attack.echo:{name}" for name in ECHOES]
    options = [option for mount in mounts for option in ("--mount", mount)]
    command = ("gateway", "serve", "--port", target.port, *options)
    with serve(*command, origin=target.origin, path="/health/live", env=SETTINGS) as process:
        yield target, process


@pytest.fixture
def target(gateway: tuple[Target, Server]) -> Iterator[Target]:
    """The server; after the test, it must have logged no failure."""
    target, process = gateway
    before = len(process.output)
    yield target
    assert target.ask("GET /flask/api/hello HTTP/1.1").body == HELLO
    assert "Traceback" not in process.output[before:]


@pytest.fixture
def deployed(target: Target, tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of an nginx with the configuration in deploy/, and a context that trusts it."""
    http, https = free_port(), free_port()
    trust = make_certificate(tmp_path)
    site = deployed_site(tmp_path, http, https, [target.port, target.port])
    site, count = re.subn(r"(client_(header|body)_timeout) +\w+;", rf"\1 {PATIENT}s;", site)
    assert count == 2
    with running(*nginx(tmp_path, site)) as process:
        wait_for(process, f"http://127.0.0.1:{http}/")
        yield https, trust


@pytest.fixture
def usual(target: Target, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx that forwards every Upgrade, and streams request bodies."""
    port = free_port()
    site = USUAL_SITE.format(gateway=target.port, http=port, patient=PATIENT)
    with running(*nginx(tmp_path, site)) as process:
        wait_for(process, f"http://127.0.0.1:{port}/health/live")
        yield port


@pytest.mark.parametrize("mount", [*every(3, FRAMEWORKS), *ECHOES])
def test_each_request_gets_one_response(target: Target, mount: str) -> None:
    attacks = write_attacks(mount, at_each_line=mount in ECHOES)
    deliver([attack.delivery for attack in attacks], target.port)
    check(target, attacks)


@pytest.mark.slow
@pytest.mark.parametrize("mount", every(2, ECHOES))
def test_each_request_gets_one_response_through_the_deployed_nginx(
    target: Target, mount: str, deployed: tuple[int, ssl.SSLContext]
) -> None:
    attacks = write_attacks(mount)
    deliver([attack.delivery for attack in attacks], *deployed)
    check(target, attacks, is_behind_nginx=True)


@pytest.mark.parametrize("mount", [*every(3, FRAMEWORKS[::-1]), *every(2, ECHOES)])
def test_each_request_gets_one_response_through_an_nginx_that_forwards_upgrades(
    target: Target, mount: str, usual: int
) -> None:
    attacks = write_attacks(mount)
    deliver([attack.delivery for attack in attacks], usual)
    check(target, attacks, is_behind_nginx=True)


def check(target: Target, attacks: Sequence[Attack], is_behind_nginx: bool = False) -> None:
    """Fail with the responses to each attack that went wrong."""
    executed = target.ask("GET /asgi/executed HTTP/1.1").body.decode().split()
    faults = [
        f"{attack}\n  {fault}"
        for attack in attacks
        if (fault := judge(attack, executed, is_behind_nginx))
    ]
    if faults:
        pytest.fail("\n".join([f"{len(faults)} of {len(attacks)}:", *faults]), pytrace=False)


def test_requests_behind_a_websocket_handshake_get_no_response(target: Target) -> None:
    handshake = request(*HANDSHAKE, method="GET").replace(b"TARGET", b"/asgi/socket")
    # The last piece is not a frame, so it ends the connection.
    deliveries = [
        Delivery([*split(handshake + MARK, cuts), MARK])
        for _, cuts in ways(handshake, at_each_line=True)
    ]
    deliver(deliveries, target.port)
    for delivery in deliveries:
        assert delivery.has_ended
        assert delivery.received.startswith(b"HTTP/1.1 101 ")
        assert delivery.received.count(b"HTTP/1.1") == 1
