"""Clients that leave FastAPI during a request cause no server error."""

import asyncio
import gc
import json
from functools import partial
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

CAROL = {"name": "Carol", "email": "carol@example.com"}


def scope(kind: str, path: str, **members: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        **members,
    }


LIVE = scope(
    "websocket",
    "/fastapi/api/users/live",
    query_string=b"after=0",
    scheme="ws",
    subprotocols=[],
)


def test_a_client_that_leaves_during_its_body_raises_no_error(gateway: TestClient) -> None:
    messages: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": json.dumps(CAROL).encode(), "more_body": True},
    ]

    async def receive() -> Message:
        return messages.pop()

    async def send(_message: Message) -> None:
        """Drop the message, as a server does after its client has left."""

    post = scope("http", "/fastapi/api/users", method="POST", scheme="http")
    assert gateway.portal is not None
    gateway.portal.call(partial(gateway.app, post, receive, send))
    assert len(gateway.get("/fastapi/api/users").json()) == 2


def test_a_websocket_that_breaks_during_an_event_raises_no_error(gateway: TestClient) -> None:
    sent: list[str] = []

    async def receive() -> Message:
        if not sent:
            return {"type": "websocket.connect"}
        # The disconnect arrives later, or never.
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.send":
            raise OSError

    assert gateway.portal is not None
    gateway.portal.call(partial(gateway.app, {**LIVE}, receive, send))
    assert sent == ["websocket.accept", "websocket.send"]


def test_errors_after_a_websockets_disconnect_are_not_logged(
    gateway: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    sending = asyncio.Event()
    messages: list[Message] = [
        {"type": "websocket.disconnect", "code": 1006},
        {"type": "websocket.connect"},
    ]

    async def receive() -> Message:
        if len(messages) == 1:
            await sending.wait()
        return messages.pop()

    async def send(message: Message) -> None:
        if message["type"] == "websocket.accept":
            return
        sending.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError from None

    assert gateway.portal is not None
    gateway.portal.call(partial(gateway.app, {**LIVE}, receive, send))
    gc.collect()  # asyncio logs an unretrieved exception when its task is collected
    assert caplog.records == []
