"""A python-socketio server, driven by its own client: long polling and WebSocket."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.applications.comparing import assert_alike
from tests.applications.environment import Addresses, both, drive, on_uvicorn

pytestmark = pytest.mark.slow

SOCKETIO = on_uvicorn("/chat", "socketio_chat:app")


@pytest.fixture(scope="module")
def chat(data: Path) -> Iterator[Addresses]:
    with both(SOCKETIO, data) as addresses:
        yield addresses


def talk(address: str, transport: str) -> object:
    url = urlsplit(address)
    path = f"{url.path}/socket.io"
    done = drive("socketio_client.py", f"http://{url.netloc}", path, transport)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_two_clients_talk(chat: Addresses, transport: str) -> None:
    found = talk(chat.gateway, transport)
    assert found == talk(chat.usual, transport)
    assert found == {
        "transport": transport,
        "welcome": "hello",
        "answer": "done",
        "heard": "HELLO",
        "blob": bytes(range(256))[::-1].hex(),
        "long": 50_000,
    }


@pytest.mark.parametrize(
    "path", ["/", "/socket.io/", "/socket.io/?EIO=4&transport=nonsense", "/socket.io/?EIO=4&sid=x"]
)
def test_a_request_of_no_client(chat: Addresses, path: str) -> None:
    assert_alike(chat, "GET", path)
    assert_alike(chat, "POST", path, content=b"nonsense")
    assert_alike(chat, "OPTIONS", path)
