"""A mount at another address is a mount like any other."""

import json
import os
import socket
import ssl
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from framework_gateway import Mount
from tests.databases import free_port
from tests.gateways import total
from tests.machines.nginx import make_certificate
from tests.proxy.servers import OK, Request, gateway, proxied, scripted
from tests.servers import serve
from tests.wsgi.server import PATIENCE, wait_until


def test_a_unix_socket_is_an_address(tmp_path: Path) -> None:
    path = tmp_path / "old.sock"
    with scripted(path=path) as server, gateway([Mount("/old", f"unix:{path}")]) as running:
        assert running.get("/old/").body == b"ok"
        path.unlink()
        assert running.get("/old/").body == b"ok"  # on the connection that is kept
        assert server.connections == 1


def test_a_unix_socket_that_is_missing_is_answered_with_502(tmp_path: Path) -> None:
    with gateway([Mount("/old", f"unix:{tmp_path}/missing.sock")]) as running:
        found = running.get("/old/")
        assert found.header("Proxy-Status") == "framework-gateway; error=connection_refused"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "tls_certificate_error"),
        ({"ca": "gateway.pem"}, None),
        ({"verify": False}, None),
        ({"ca": "gateway.pem", "name": "localhost"}, "tls_certificate_error"),
    ],
)
def test_certificates_are_checked(
    tmp_path: Path, options: dict[str, Any], error: str | None
) -> None:
    make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    name = options.pop("name", "127.0.0.1")
    if "ca" in options:
        options["ca"] = tmp_path / str(options["ca"])
    with scripted(tls=context) as server:
        mount = Mount("/old", f"https://{name}:{server.port}", **options)
        with gateway([mount]) as running:
            found = [running.get("/old/") for _ in range(2)]
    if error:
        assert [answer.status for answer in found] == [502, 502]
        assert found[0].header("Proxy-Status") == f"framework-gateway; error={error}"
    else:
        assert [answer.body for answer in found] == [b"ok", b"ok"]
        assert server.connections == 1


def test_a_server_without_tls_is_answered_with_502() -> None:
    with ExitStack() as stack:
        plain = stack.enter_context(gateway({}))
        mount = Mount("/old", f"https://127.0.0.1:{plain.port}")
        running = stack.enter_context(gateway([mount]))
        found = running.get("/old/")
    assert found.header("Proxy-Status") == "framework-gateway; error=tls_protocol_error"


def test_limits_and_metrics_hold(caplog: pytest.LogCaptureFixture) -> None:
    with proxied(max_body_size=10) as (running, server):
        assert running.get("/old/", "Content-Length: 11", method="POST").status == 413
        chunks = b"6\r\nstolen\r\n6\r\nstolen\r\n0\r\n\r\n"
        chunked = running.get("/old/", "Transfer-Encoding: chunked", method="POST", body=chunks)
        assert chunked.status == 413
        assert running.get("/old/").status == 200
        assert len(server.requests) == 1  # no incomplete request is one

        def count() -> float:
            text = running.get("/metrics").body.decode()
            return total(text, "http_request_duration_seconds_count", framework="old", status="200")

        wait_until(lambda: count() == 1)


def test_open_requests_are_limited() -> None:
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    with proxied(slow, max_requests=1) as (running, server), running.open("/old/"):
        wait_until(lambda: server.requests)
        assert running.get("/old/").status == 503
        go_on.set()


def test_an_address_that_is_no_address_fails_only_its_mount() -> None:
    with scripted() as server:
        mounts = {"/old": "http://user:password@127.0.0.1", "/new": server.address}
        with gateway(mounts) as running:
            assert running.get("/old/").status == 503
            assert running.get("/new/").status == 200
            ready = json.loads(running.get("/health/ready").body)
            assert "contains credentials" in ready["failures"]["/old"]


def test_a_stop_closes_the_idle_connections() -> None:
    with scripted() as server:
        with gateway([Mount("/old", server.address)]) as running:
            running.get("/old/")
        wait_until(lambda: server.closed == 1)


def test_gateway_serve_mounts_addresses(tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, two = (stack.enter_context(scripted()) for _ in range(2))
        port = free_port()
        command = ("gateway", "serve", "--only-mounts", "--port", port)
        mount = ("--mount", f"/old={one.address},{two.address}")
        option = ("--mount-option", "/old:strip-prefix=false")
        origin = f"http://127.0.0.1:{port}"
        env = {**os.environ, "GATEWAY_ENV": "development"}
        stack.enter_context(
            serve(*command, *mount, *option, origin=origin, path="/health/live", env=env)
        )
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                connection.sendall(b"GET /old/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        first = [request.first for server in (one, two) for request in server.requests]
        assert first == [b"GET /old/x HTTP/1.1"] * 2
