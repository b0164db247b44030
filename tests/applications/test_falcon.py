"""The same Falcon application for WSGI and for ASGI."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.applications.comparing import assert_alike, both_answers
from tests.applications.environment import Addresses, both, on_gunicorn, on_uvicorn
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.slow

WSGI = on_gunicorn("/falcon", "falcon_wsgi:app")
ASGI = on_uvicorn("/falcon", "falcon_asgi:app")


@pytest.fixture(scope="module", params=[WSGI, ASGI], ids=["wsgi", "asgi"])
def falcon(request: pytest.FixtureRequest, data: Path) -> Iterator[Addresses]:
    with both(request.param, data) as addresses:
        yield addresses


@pytest.mark.parametrize("path", ["/things?a=1&a=2&b=%C3%A4", "/stream", "/nothing", "/things/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_request_without_a_body(falcon: Addresses, method: str, path: str) -> None:
    assert_alike(falcon, method, path)


def test_a_request_with_a_body(falcon: Addresses) -> None:
    answer = assert_alike(falcon, "POST", "/things", json={"name": "ä"})
    assert (answer.status_code, answer.headers["Location"]) == (201, "/falcon/things/1")
    assert_alike(falcon, "POST", "/things", content=b"{")
    assert_alike(falcon, "PUT", "/things", content=bytes(range(256)) * 8192)
    assert_alike(falcon, "DELETE", "/things")
    assert_alike(falcon, "PATCH", "/things")


def test_a_body_in_chunks_is_whole(falcon: Addresses) -> None:
    mount, usual = both_answers(falcon, "PUT", "/things", content=[b"in ", b"chunks"])
    assert mount.content == b"in chunks"
    # gunicorn gives a WSGI application no length of it, and so Falcon reads nothing.
    assert usual.content == (b"" if falcon.usual.endswith("/falcon") else b"in chunks")


@pytest.fixture(scope="module")
def falcon_asgi(data: Path) -> Iterator[Addresses]:
    with both(ASGI, data) as addresses:
        yield addresses


def test_events(falcon_asgi: Addresses) -> None:
    answer = assert_alike(falcon_asgi, "GET", "/events")
    assert answer.text.count('data: {"number"') == 3


def test_a_websocket(falcon_asgi: Addresses) -> None:
    for address in (falcon_asgi.gateway, falcon_asgi.usual):
        url = address.replace("http:", "ws:") + "/socket"
        with connect(url, open_timeout=PATIENCE) as socket:
            socket.send("hello")
            assert socket.recv(PATIENCE) == "HELLO"
