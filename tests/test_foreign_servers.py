"""The gateway with a wrong ``receive`` of a server or middleware: no other request waits."""

import asyncio
import json
from functools import partial

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from tests.test_leaving import scope
from tests.wsgi.test_foreign import RECEIVES

PATHS = ["/flask/api/users", "/fastapi/api/users", "/django/api/users", "/compare/api/users", "/"]
BODY = json.dumps({"name": "Carol", "email": "carol@example.com"}).encode()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", RECEIVES)
def test_a_request_with_a_wrong_receive_still_gets_a_response(
    gateway: TestClient, name: str, path: str
) -> None:
    make, _ = RECEIVES[name]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        length = (b"content-length", b"%d" % len(BODY))
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), length]
        post = scope("http", path, method="POST", scheme="http", headers=headers)
        # The timeout only fires if the event loop is not blocked.
        async with asyncio.timeout(20):
            await gateway.app(post, make(receive), send)

    assert gateway.portal is not None
    gateway.portal.call(partial(ask))
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    assert sent[0]["status"] < 600
