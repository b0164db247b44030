"""Clients that leave, WebSockets, and crowds: the evidence is right, and nothing is left behind."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import WebSocket
from starlette.types import Message

from framework_gateway.wsgi.errors import ClientLeft
from tests.migrate.gateways import Moved, moved
from tests.wsgi.server import wait_until

ROUTE = "GET /users/{number}"
LIVE = {"methods": "reads", "stage": "live", "percent": 100}


def leave_at(api: Moved, kind: str) -> None:
    """Send a request, and leave when a message of a kind would be sent."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == kind:
            raise ClientLeft

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/users/1",
        "raw_path": b"/api/users/1",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
    }
    assert api.client.portal is not None
    api.client.portal.call(partial(api.gateway, scope, receive, send))


@pytest.mark.parametrize("stage", ["shadow", "live"])
@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
def test_a_client_that_leaves_is_no_failure_and_has_no_shadow(
    tmp_path: Path, stage: str, kind: str
) -> None:
    with moved(tmp_path, LIVE | {"stage": stage}) as api:
        leave_at(api, kind)
        counts = api.counts(ROUTE)
        assert counts["incomplete"] == 1
        assert "compared" not in counts
        assert "new failure" not in counts
        assert "fallback" not in counts
        assert api.control.memory == 0


def test_a_websocket_goes_to_the_side_of_its_rule(tmp_path: Path) -> None:
    with moved(tmp_path, {"stage": "complete"}) as api:

        @api.new.app.websocket("/talk")
        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text("new")
            await socket.close()

        with api.client.websocket_connect("ws://127.0.0.1/api/talk") as socket:
            assert socket.receive_text() == "new"


def test_a_crowd_gets_right_answers_while_the_new_side_is_broken(tmp_path: Path) -> None:
    limits = {"concurrency": 2, "queue": 5, "timeout": 0.5}
    with moved(tmp_path, LIVE, limits=limits, timeout=0.5) as api:
        api.new.mode = "hang"

        def ask(_number: int) -> Any:
            return api.client.get("/api/users/2").json()["name"]

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(ask, range(100))) == {"Grace"}
        assert ROUTE in api.control.rollout.state.trips
        wait_until(lambda: api.control.memory == 0)
        counts = api.counts(ROUTE)
        assert counts["requests"] == counts["old success"] == 100
        assert counts["fallback"] == counts["new failure"] < 100


def test_a_crash_at_every_shadow_fills_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with moved(tmp_path, LIVE | {"stage": "shadow"}) as api:
        api.new.mode = "raise"
        for _ in range(30):
            assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "differing", 30)
        assert caplog.text.count("the shadow of GET /users/{number} raised") == 1
        wait_until(lambda: 'result="differing"' in api.client.get("/metrics").text)
