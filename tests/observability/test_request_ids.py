"""X-Request-ID: in every response and problem document, and known to every application."""

from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from framework_gateway.compare.plugin import Compare
from tests.conftest import FRAMEWORKS, Api, assert_problem
from tests.gateways import seen
from tests.wsgi.responses import Environ, StartResponse

NAME = "X-Request-ID"


def test_every_response_has_its_own_id(gateway: TestClient) -> None:
    paths = ["/", "/nothing", "/metrics", "/health/live", "/static/none"]
    paths += [f"/{name}/api/{path}" for name in FRAMEWORKS for path in ("hello", "nothing")]
    ids = [gateway.get(path).headers[NAME] for path in paths]
    assert len({*ids}) == len(paths)
    # Refused before routing, or by the mount's own limits.
    assert gateway.get("/flask/api/hello", headers={"Host": "?"}).headers[NAME]


def test_an_unforeseen_error_and_a_broken_mount_have_an_id() -> None:
    def fail() -> Any:
        raise RuntimeError("no such library")

    async def raising(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise RuntimeError("no such page")

    with seen({"/broken": fail, "/raising": raising}) as gateway:
        for path, status in (("/broken/", 503), ("/raising/", 500)):
            assert_problem(gateway.client.get(path), status)
            assert gateway.client.get(path).headers[NAME]


@pytest.mark.parametrize("given", ["a", "0aZ-_.9", "x" * 64])
def test_a_valid_id_from_the_client_is_used(api: Api, given: str) -> None:
    response = api.get("/api/users/99", headers={NAME: given})
    assert response.headers[NAME] == given
    assert_problem(response, 404)
    assert response.json()["request_id"] == given


@pytest.mark.parametrize(
    "forged",
    [
        [b""],
        [b"x" * 65],
        [b"a\r\nSet-Cookie: session=mine"],
        [b'a","status":"200'],
        ["é".encode()],
        [b"a b"],
        [b"a\n"],
        [b"one", b"two"],
    ],
)
def test_an_invalid_id_is_replaced(gateway: TestClient, forged: list[bytes]) -> None:
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/flask/api/users/99",
        "raw_path": b"/flask/api/users/99",
        "root_path": "",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1"), *((b"x-request-id", value) for value in forged)],
    }

    async def receive() -> Message:
        raise AssertionError("it has no body")

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        await gateway.app(scope, receive, send)

    assert gateway.portal is not None
    gateway.portal.call(call)
    (made,) = (value for name, value in sent[0]["headers"] if name == b"x-request-id")
    assert made.isalnum()
    assert made not in forged
    assert b'"request_id":"' + made + b'"' in sent[1]["body"]


def test_the_application_receives_the_id_and_cannot_change_it() -> None:
    def wsgi(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [(NAME, "mine")])
        return [environ["HTTP_X_REQUEST_ID"].encode()]

    asgi = FastAPI()

    @asgi.get("/")
    def show(request: Request) -> str:
        return request.headers[NAME]

    with seen({"/wsgi": wsgi, "/asgi": asgi}) as gateway:
        for prefix in ("/wsgi", "/asgi"):
            response = gateway.client.get(f"{prefix}/")
            assert response.text.strip('"') == response.headers[NAME]
            assert response.headers.get_list(NAME) == [response.headers[NAME]]


def test_a_comparison_sends_one_id_to_all_targets(compare: Compare) -> None:
    comparison = compare.assert_equal("GET", "/api/users/99")
    ids = {answer.header(NAME) for answer in comparison.answers}
    assert len(ids) == 1
    given = compare("GET", "/api/users/99", headers={"x-request-id": "given"})
    assert {answer.header(NAME) for answer in given.answers} == {"given"}


def test_the_compare_page_sends_its_id_to_all_targets(gateway: TestClient) -> None:
    response = gateway.get("/compare/api/users/99", headers={NAME: "one"})
    assert response.headers[NAME] == "one"
    inner = response.json()["answers"]
    assert ["x-request-id", "one"] in inner[0]["headers"]
    assert all('"request_id":"one"' in answer["body"] for answer in inner)
    assert "one" not in inner[0]["curl"]
