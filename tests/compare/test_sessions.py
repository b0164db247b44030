"""Targets do not touch one another: cookies and saved values are each target's own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.messages import Failure
from tests.databases import free_port
from tests.servers import serve


def make(first: int) -> Starlette:
    """Return a shop with a login, whose ids begin with a number of its own."""
    items: dict[str, str] = {}

    async def log_in(request: HTTPRequest) -> Response:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("sid", f"session-{first}")
        return answer

    async def cookies(request: HTTPRequest) -> Response:
        return JSONResponse(request.headers.get("cookie"))

    async def headers(request: HTTPRequest) -> Response:
        names = {"x-request-id"}
        return JSONResponse([pair for pair in request.headers.items() if pair[0] not in names])

    async def create(request: HTTPRequest) -> Response:
        key = str(first + len(items))
        items[key] = (await request.json())["name"]
        headers = {"Location": f"/items/{key}", "X-Key": f"key-{key}"}
        return JSONResponse({"id": int(key), "name": items[key]}, 201, headers)

    async def show(request: HTTPRequest) -> Response:
        key = request.path_params["key"]
        if key not in items:
            return JSONResponse({"error": "not found"}, 404)
        return JSONResponse({"id": int(key), "name": items[key], "url": f"/items/{key}"})

    async def echo(request: HTTPRequest) -> Response:
        body = (await request.body()).decode()
        return JSONResponse([request.url.path, body, request.headers.get("x-key")])

    return Starlette(
        routes=[
            *(Route("/login", log_in, methods=["POST"]), Route("/cookies", cookies)),
            *(Route("/headers", headers), Route("/items", create, methods=["POST"])),
            *(Route("/items/{key}", show), Route("/echo/{rest:path}", echo, methods=["POST"])),
        ]
    )


shop = make(100)


@contextmanager
def on_a_socket() -> Iterator[str]:
    """The shop on a socket."""
    origin = f"http://127.0.0.1:{free_port()}"
    module = "tests.compare.test_sessions:shop"
    command = ("uvicorn", "--port", origin.rpartition(":")[2], "--no-server-header", module)
    with serve(*command, origin=origin, path="/cookies"):
        yield origin


@pytest.fixture(params=["two applications", "two servers", "both"])
def targets(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Targets of each kind."""
    with ExitStack() as stack:
        old: Any = make(1) if request.param == "two applications" else None
        new: Any = stack.enter_context(on_a_socket()) if request.param != "two applications" else 0
        old = stack.enter_context(on_a_socket()) if request.param == "two servers" else make(1)
        yield {"old": old, "new": new or make(100)}


def test_no_cookie_is_kept(targets: dict[str, Any]) -> None:
    with comparing(targets) as compare:
        assert compare("POST", "/login").identical
        comparison = compare("GET", "/cookies")
        assert {answer.body for answer in comparison.answers} == {b"null"}


def test_a_session_keeps_each_targets_own_cookies(targets: dict[str, Any]) -> None:
    with comparing(targets, session=True) as compare:
        assert compare("POST", "/login").identical
        old, new = compare("GET", "/cookies").answers
        assert (old.content.value[:12], new.content.value[:12]) == ("sid=session-", "sid=session-")
        if "http" not in str(targets):
            assert (old.content.value, new.content.value) == ("sid=session-1", "sid=session-100")
        old, _ = compare("GET", "/cookies", headers={"Cookie": "a=b"}).answers
        assert old.content.value.startswith("a=b; sid=")


def test_every_target_gets_the_same_headers(targets: dict[str, Any]) -> None:
    with comparing(targets) as compare:
        comparison = compare("GET", "/headers", headers={"X-Tag": "a"})
        assert comparison.identical, str(comparison)
        sent = {tuple(pair) for pair in comparison.answers[0].content.value}
        assert {name for name, _ in sent} == {"host", "x-tag", "accept", "user-agent"}


@pytest.mark.parametrize("value", ["J\xfcrgen", "\N{SNOWMAN}"])
def test_headers_reach_every_target_in_the_same_bytes(targets: dict[str, Any], value: str) -> None:
    with comparing(targets) as compare:
        comparison = compare("GET", "/headers", headers={"X-Name": value})
        assert comparison.identical, str(comparison)
        sent = dict(comparison.answers[0].content.value)["x-name"]
        assert sent in (value, value.encode().decode("latin-1"))


def test_later_requests_use_what_each_target_answered() -> None:
    with comparing({"old": make(1), "new": make(100)}) as compare:
        save = {"id": "/id", "key": "X-Key", "name": "/name"}
        created = compare("POST", "/items", json={"name": 'green "tea"'}, save=save)
        # Its own id is each target's own; the key is part of a word.
        assert [found.place for found in created.counting] == []
        shown = compare("GET", "/items/{id}")
        assert shown.identical, str(shown)
        assert [answer.status for answer in shown.answers] == [200, 200]
        assert {use.rule for use in shown.uses} == {"saved id"}
        echoed = compare(
            "POST",
            "/echo/{name}/{other}",
            json={"id": "{id}", "name": "{name}", "framework": "{framework}"},
            headers={"X-Key": "{key}"},
        )
        assert [answer.content.value for answer in echoed.answers] == [
            [
                '/echo/green "tea"/{other}',
                f'{{"id":"{number}","name":"green \\"tea\\"","framework":"{name}"}}',
                f"key-{number}",
            ]
            for name, number in (("old", 1), ("new", 100))
        ]
        assert echoed.identical, str(echoed)


def test_a_request_without_its_saved_value_is_not_sent() -> None:
    with comparing({"old": make(1), "new": make(100)}) as compare:
        assert compare("GET", "/items/none", save={"id": "/id"}).identical
        comparison = compare("GET", "/items/{id}")
        assert {answer.failure for answer in comparison.answers} == {Failure.NOT_ASKED}
        assert set(comparison.failures.values()) == {"no earlier answer had 'id'"}
        compare("POST", "/items", json={"name": "tea"}, save={"id": "/id"})
        assert compare("GET", "/items/{id}").identical


def test_the_spelling_of_a_saved_number_is_kept() -> None:
    with comparing({"old": make(9007199254740993), "new": make(9007199254740995)}) as compare:
        compare("POST", "/items", json={"name": "tea"}, save={"id": "/id"})
        comparison = compare("GET", "/items/{id}")
        assert comparison.answers[0].request.path == "/items/9007199254740993"
        assert comparison.identical
