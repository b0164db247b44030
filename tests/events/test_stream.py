"""The live events: none is lost or repeated, and slow readers are disconnected."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from websockets.asyncio.client import connect

from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve
from tests.test_admin import NAME, PASSWORD, create_account

pytestmark = pytest.mark.anyio

EVENTS = "/fastapi/api/users/events"
CHANGES = 1000


@pytest.fixture
def origin(database: SQLite | PostgreSQL) -> Iterator[str]:
    """A gateway in a process of its own."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello"):
        yield origin


@asynccontextmanager
async def listening(
    origin: str, after: int | None = None
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Open the stream; when the block begins, the gateway sends events to it."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with (
        httpx.AsyncClient(base_url=origin, timeout=60) as client,
        client.stream("GET", EVENTS, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert await anext(lines) == ": connected"
        async with aclosing(parse(lines)) as events:
            yield events


async def parse(lines: AsyncIterator[str]) -> Any:
    """Read events; each ends with an empty line."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            event = json.loads(fields["data"])
            kind = {"event": "reset"} if event["action"] == "reset" else {}
            assert fields == {"data": fields["data"], "id": str(event["id"]), **kind}
            yield event
            fields = {}
        else:
            fields = {}


def change(origin: str, numbers: Iterator[int], times: int) -> None:
    """Create users, alternating between the three frameworks."""
    with httpx.Client(base_url=origin, timeout=60) as client:
        for number in (next(numbers) for _ in range(times)):
            path = f"/{FRAMEWORKS[number % 3]}/api/users"
            client.post(path, json=user_of(number)).raise_for_status()


def change_in_the_admin(origin: str, numbers: Iterator[int], times: int) -> None:
    """Create users as the admin's form does."""
    with httpx.Client(base_url=f"{origin}/django/admin", timeout=60) as client:
        client.get("/login/").raise_for_status()
        for path, form in (
            ("/login/", {"username": NAME, "password": PASSWORD}),
            *(("/django_app/user/add/", user_of(next(numbers))) for _ in range(times)),
        ):
            token = client.cookies["csrftoken"]
            response = client.post(path, data={**form, "csrfmiddlewaretoken": token})
            assert response.status_code == 302, response.text


def user_of(number: int) -> dict[str, str]:
    return {"name": f"u{number}", "email": f"u{number}@example.com"}


async def test_a_change_arrives_as_an_event(origin: str) -> None:
    async with listening(origin) as events, httpx.AsyncClient(base_url=origin) as client:
        for framework in FRAMEWORKS:
            user = {"name": "Carol", "email": f"{framework}@example.com"}
            created = (await client.post(f"/{framework}/api/users", json=user)).json()
            event = await anext(events)
            assert event["user"] == created
            assert (event["action"], event["framework"]) == ("created", framework)
            assert event["at"][:2] == "20"
            assert list(event) == ["id", "at", "action", "framework", "user"]


@pytest.mark.slow
async def test_two_listeners_and_a_reconnect_miss_nothing(origin: str) -> None:
    await asyncio.to_thread(create_account, PASSWORD)
    numbers = count()
    writers = asyncio.get_running_loop().run_in_executor
    with ThreadPoolExecutor(4) as pool:
        async with listening(origin) as first, listening(origin) as second:
            ways = [change, change, change, change_in_the_admin]
            writing = [writers(pool, way, origin, numbers, CHANGES // 4) for way in ways]
            seen_first = [(await anext(first))["id"] for _ in range(CHANGES)]
            # The second listener disconnects in the middle without closing, and reconnects.
            seen = [(await anext(second))["id"] for _ in range(CHANGES // 3)]
        async with listening(origin, after=seen[-1]) as second:
            seen += [(await anext(second))["id"] for _ in range(CHANGES - len(seen))]
        await asyncio.gather(*writing)
    assert seen_first == sorted({*seen_first})
    assert seen == seen_first


async def test_a_reconnect_during_writes_misses_nothing(origin: str) -> None:
    numbers = count()
    seen: list[int] = []
    after = 0
    async with listening(origin, after=0) as events:
        after = (await anext(events))["id"]
    with ThreadPoolExecutor(2) as pool:
        writers = asyncio.get_running_loop().run_in_executor
        writing = [writers(pool, change, origin, numbers, 150) for _ in range(2)]
        last = after + 301  # Bob, and the users created here
        while not seen or seen[-1] < last:
            async with listening(origin, after=seen[-1] if seen else after) as events:
                for _ in range(min(40, last - (seen[-1] if seen else after))):
                    seen.append((await anext(events))["id"])
        await asyncio.gather(*writing)
    assert seen == [*range(after + 1, last + 1)]


async def test_the_websocket_sends_the_same_events(origin: str) -> None:
    address = origin.replace("http", "ws") + "/fastapi/api/users/live"
    async with connect(address) as live, connect(address + "?after=0") as all_events:
        assert json.loads(await all_events.recv())["user"]["name"] == "Alice"
        assert json.loads(await all_events.recv())["user"]["name"] == "Bob"
        async with httpx.AsyncClient(base_url=origin) as client:
            # Until the first event arrives, the listener may not be ready.
            (await client.delete("/django/api/users/1")).raise_for_status()
        event = json.loads(await all_events.recv())
        assert (event["action"], event["framework"], event["user"]["id"]) == (
            "deleted",
            "django",
            1,
        )
        assert json.loads(await live.recv()) == event


async def test_both_streams_tell_of_a_restore_and_of_ids_that_do_not_exist(
    origin: str, database: SQLite | PostgreSQL
) -> None:
    address = origin.replace("http", "ws") + "/fastapi/api/users/live"
    await asyncio.to_thread(change, origin, count(), 3)
    async with (
        listening(origin, after=2) as stream,
        connect(address + "?after=2") as live,
        listening(origin, after=1000) as beyond,
        connect(address + "?after=1000") as live_beyond,
    ):
        for _ in range(3):
            assert (await anext(stream))["action"] == "created"
            assert json.loads(await live.recv())["action"] == "created"
        for told in (await anext(beyond), json.loads(await live_beyond.recv())):
            assert told == {"id": 5, "action": "reset"}
        await asyncio.to_thread(database.reset)
        for told in (await anext(stream), json.loads(await live.recv())):
            assert told["action"] == "reset"
            assert told["id"] <= 2
        await asyncio.to_thread(change, origin, count(10), 1)
        assert (await after_resets(lambda: anext(stream)))["user"]["name"] == "u10"
        assert (await after_resets(live.recv))["user"]["name"] == "u10"


async def after_resets(receive: Callable[[], Awaitable[Any]]) -> Any:
    """Return the next event; a listener that is reading may hear twice of a restore."""
    while True:
        told = await receive()
        event = json.loads(told) if isinstance(told, str) else told
        if event["action"] != "reset":
            return event


async def test_changes_by_the_admin_and_other_processes_arrive(
    origin: str, database: SQLite | PostgreSQL
) -> None:
    from asgiref.sync import sync_to_async

    from django_app.models import User

    async with listening(origin) as events:
        await sync_to_async(User.objects.filter(id__in=[1, 2]).update, thread_sensitive=False)(
            name="all"
        )
        changed = [await anext(events) for _ in range(2)]
    assert {(event["action"], event["user"]["name"]) for event in changed} == {("changed", "all")}
    assert {event["framework"] for event in changed} == {"django"}


@pytest.mark.slow
async def test_a_stream_without_events_sends_keep_alive_comments(origin: str) -> None:
    async with (
        httpx.AsyncClient(base_url=origin, timeout=60) as client,
        client.stream("GET", EVENTS) as response,
    ):
        comments = [line async for line in first_lines(response, 4) if line.startswith(":")]
    assert comments == [": connected", ": ping"]


async def first_lines(response: httpx.Response, count: int) -> AsyncIterator[str]:
    """Return the first lines: the retry time, an empty line, and what follows."""
    async for line in response.aiter_lines():
        yield line
        count -= 1
        if not count:
            return


def test_an_invalid_last_event_id_is_refused(origin: str) -> None:
    for value in ("x", "-1", "1.5", str(2**63)):
        assert_problem(httpx.get(origin + EVENTS, headers={"Last-Event-ID": value}), 422)


def test_a_stalled_reader_is_disconnected(origin: str) -> None:
    host, port = origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(f"GET {EVENTS}?after=0 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        numbers = count()
        change(origin, numbers, 30)
        # Others are served, and a new listener receives every event.
        change(origin, numbers, 30)
        assert httpx.get(f"{origin}/fastapi/api/hello").status_code == 200
