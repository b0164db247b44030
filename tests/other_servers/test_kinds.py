"""Each server serves each kind of request to WSGI and ASGI applications alike."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest
from websockets.sync.client import connect

from tests.databases import free_port
from tests.other_servers.conftest import APP, READY
from tests.other_servers.servers import Served
from tests.servers import serve
from tests.wsgi.server import PATIENCE, wait_until

pytestmark = pytest.mark.slow

BODY = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.origin, timeout=PATIENCE) as client:
        yield client


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_get(client: httpx.Client, kind: str) -> None:
    answer = client.get(f"/{kind}/")
    assert (answer.status_code, answer.text) == (200, "hello")
    # The gateway's own work is done for each of them.
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_body_of_two_megabytes_returns_whole(client: httpx.Client, kind: str) -> None:
    assert client.post(f"/{kind}/echo", content=BODY).content == BODY


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_body_in_chunks_returns_whole(client: httpx.Client, kind: str) -> None:
    parts = (BODY[start : start + 60_000] for start in range(0, len(BODY), 60_000))
    assert client.post(f"/{kind}/echo", content=parts).content == BODY


def test_the_gateway_answers_for_what_is_not_mounted(client: httpx.Client) -> None:
    assert client.get("/health/ready").status_code == 200
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert client.get("/wsgi/", headers={"Host": "example.com"}).status_code == 400
    assert b"http_request_duration_seconds" in client.get("/metrics").content


def test_the_lifespan_of_a_mount_has_run(client: httpx.Client) -> None:
    assert client.get("/asgi/state").text == "yes"


def test_the_first_event_arrives_before_the_stream_ends(
    client: httpx.Client, server: Served
) -> None:
    with client.stream("GET", "/asgi/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        chunks = answer.iter_bytes()
        assert next(chunks) == b"data: first\n\n"
        server.release.touch()
        assert b"".join(chunks) == b"data: last\n\n"


def test_a_websocket(server: Served) -> None:
    address = f"ws://127.0.0.1:{server.port}/asgi/socket"
    with connect(address, subprotocols=["chat"], open_timeout=PATIENCE) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "chat"
        for message in ("one", "two", "x" * 60_000):
            socket.send(message)
            assert socket.recv(PATIENCE) == message


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_fast_requests_overtake_a_slow_one(client: httpx.Client, server: Served, kind: str) -> None:
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(httpx.get, f"{server.origin}/{kind}/held", timeout=PATIENCE)
        wait_until(lambda: client.get(f"/{kind}/counts").text.startswith("1 waiting"))
        for fast in ("wsgi", "asgi"):
            assert client.get(f"/{fast}/").text == "hello"
        assert not slow.done()
        server.release.touch()
        assert slow.result().text == "released"


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_stream_ends_when_its_client_leaves(
    client: httpx.Client, server: Served, kind: str
) -> None:
    def ended() -> int:
        return int(client.get(f"/{kind}/counts").text.split()[2])

    before = ended()
    with httpx.stream("GET", f"{server.origin}/{kind}/endless", timeout=PATIENCE) as answer:
        assert next(answer.iter_bytes())
    wait_until(lambda: ended() == before + 1)


def test_many_requests_at_once(server: Served) -> None:
    barrier = threading.Barrier(8)

    def ask(number: int) -> bytes:
        barrier.wait(PATIENCE)
        body = b"%d" % number * 100_000
        kind = ("wsgi", "asgi")[number % 2]
        answer = httpx.post(f"{server.origin}/{kind}/echo", content=body, timeout=PATIENCE)
        assert answer.content == body
        return answer.content

    with ThreadPoolExecutor(8) as threads:
        assert len({*threads.map(ask, range(8))}) == 8


def test_a_server_without_a_lifespan(tmp_path: Path) -> None:
    port = free_port()
    command = ("uvicorn", "--lifespan=off", f"--port={port}", APP)
    origin = f"http://127.0.0.1:{port}"
    with serve(*command, origin=origin, path=READY, env={"RELEASE": str(tmp_path / "release")}):
        assert httpx.get(f"{origin}/asgi/state", timeout=PATIENCE).text == "yes"
