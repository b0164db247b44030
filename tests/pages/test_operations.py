"""The operations that the Compare page offers, from routes and OpenAPI documents."""

import json
from typing import Any

import pytest
from fastapi import FastAPI, Query, Request, Response
from flask import Flask
from pydantic import BaseModel, EmailStr, Field
from starlette.middleware.base import RequestResponseEndpoint
from starlette.testclient import TestClient

from framework_gateway import Gateway, Mount
from framework_gateway.pages.operations import LONGEST, LONGEST_BODY, MAX_OPERATIONS, operations
from framework_gateway.pages.schemas import MOST
from tests.wsgi.server import wait_until


class Item(BaseModel):
    """A body with every kind of member."""

    name: str
    price: float = Field(2.5, ge=1)
    email: EmailStr
    tags: list[str]
    parent: "Item | None" = None


def fastapi_app() -> FastAPI:
    """An application that describes itself."""
    app = FastAPI()

    @app.get("/items/{item_id}")
    def read(item_id: int, size: int | None = Query(None, le=9, description="How many")) -> None:
        """Read an item."""

    @app.post("/items")
    def create(item: Item) -> None: ...

    return app


def flask_app() -> Flask:
    """An application that has the same paths, and describes nothing."""
    app = Flask(__name__)
    app.add_url_rule("/items/<int:item_id>", "read", lambda item_id: "x")
    app.add_url_rule("/only-flask", "only", lambda: "x")
    return app


def body_of(schema: object, **schemas: object) -> Any:
    """The example of a body with a schema, for a document with further schemas."""
    content = {"application/json": {"schema": schema}}
    operation = {"requestBody": {"content": content}}
    document = {"paths": {"/x": {"post": operation}}, "components": {"schemas": schemas}}
    (found,) = operations([], {"/one": document})
    return json.loads(found["body"])


def offered(*applications: Any) -> list[dict[str, Any]]:
    """The operations on the page of a gateway with these mounts."""
    mounts = {f"/mount{number}": app for number, app in enumerate(applications)}
    with TestClient(Gateway(mounts), "http://127.0.0.1") as client:
        found: list[dict[str, Any]] = client.get("/index.json").json()["operations"]
        return found


def test_operations_have_the_parameters_that_the_document_describes() -> None:
    read, create = offered(flask_app(), fastapi_app())
    assert (read["method"], read["path"]) == ("GET", "/items/{item_id}")
    assert read["mounts"] == ["/mount0", "/mount1"]
    by_name = {one["name"]: one for one in read["parameters"]}
    assert by_name["item_id"]["in"] == "path"
    assert by_name["item_id"]["required"]
    assert by_name["size"]["description"] == "How many"
    assert by_name["size"]["type"] == "integer"
    assert by_name["size"]["limits"] == {"max": 9}
    assert create["mounts"] == ["/mount1"]
    assert create["content_type"] == "application/json"
    for part in ('"name": "text"', '"price": 2.5', '"email": "carol@{framework}.example"'):
        assert part in create["body"]


def test_mounts_without_a_document_offer_their_shared_routes() -> None:
    found = {one["path"]: one for one in offered(flask_app(), flask_app())}
    assert found.keys() == {"/items/{item_id}", "/only-flask", "/static/{filename}"}
    (parameter,) = found["/items/{item_id}"]["parameters"]
    assert (parameter["name"], parameter["in"]) == ("item_id", "path")


def test_a_mount_in_a_process_of_its_own_is_asked_for_its_document() -> None:
    mount = Mount("/own", "tests.pages.test_operations:fastapi_app", process={})
    other = Mount("/other", flask_app())
    with TestClient(Gateway([mount, other]), "http://127.0.0.1") as client:
        # Its process starts while the gateway serves the others.
        wait_until(lambda: client.get("/own/openapi.json").status_code == 200)
        found = client.get("/index.json").json()["operations"]
    assert {(one["method"], one["path"]) for one in found} >= {("POST", "/items")}


def test_a_mount_is_not_asked_again_for_each_page() -> None:
    app, asked = fastapi_app(), []

    @app.middleware("http")
    async def note(request: Request, call_next: RequestResponseEndpoint) -> Response:
        asked.append(request.url.path)
        return await call_next(request)

    with TestClient(Gateway({"/one": app, "/two": flask_app()}), "http://127.0.0.1") as client:
        for page in ("/", "/race", "/index.json"):
            assert client.get(page).status_code == 200
    assert asked == ["/one/openapi.json"]


def test_operations_of_one_server_and_endless_answers_are_not_offered() -> None:
    stream: dict[str, Any] = {"responses": {"200": {"content": {"text/event-stream": {}}}}}
    own = {"servers": [{"url": "/only"}]}
    document = {
        "paths": {"/stream": {"get": stream}, "/own": {"get": own}, "/all": {"get": {"x": 1}}}
    }
    assert [one["path"] for one in operations([], {"/one": document})] == ["/all"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"paths": None},
        {"paths": {"/x": None}},
        {"paths": {"/x": {"get": {"parameters": [{"$ref": "#/nowhere"}, {"name": "a"}]}}}},
        {"paths": {"/x": {"post": {"requestBody": {"$ref": "#/paths/~1x/post/requestBody"}}}}},
        {"paths": {"/x": {"post": {"requestBody": {"content": {"text/plain": None}}}}}},
        {"paths": {"/x": {"get": {"parameters": None}}}},
        {"paths": {"/x": {"get": {"parameters": [{"name": "a", "schema": {"enum": None}}]}}}},
        {"paths": {"/x": {"get": {"parameters": 5}, "parameters": {"a": 1}}}},
        {"paths": {"/x": {"get": {"parameters": [{"name": 5}, "text", None]}}}},
        {"paths": {"/x": {"get": {"parameters": [{"name": "a", "schema": {"anyOf": 5}}]}}}},
        {"paths": {"/x": {"get": {"summary": ["x"], "parameters": [{"name": "a", "in": []}]}}}},
        {
            "paths": {
                "/x": {"post": {"requestBody": {"content": {"a/b": {"schema": {"enum": {}}}}}}}
            }
        },
    ],
)
def test_a_wrong_document_is_no_error(document: dict[str, Any]) -> None:
    assert len(operations([], {"/one": document})) <= 1


def test_values_are_written_as_in_a_url() -> None:
    parameters = [
        {"name": "all", "in": "query", "schema": {"type": "boolean", "default": False}},
        {"name": "size", "in": "query", "schema": {"enum": [1, 2.5, "all", None]}},
    ]
    document = {"paths": {"/x": {"get": {"parameters": parameters}}}}
    ((every, size),) = [one["parameters"] for one in operations([], {"/one": document})]
    assert every["example"] == "false"
    assert size["choices"] == ["1", "2.5", "all", "null"]


def test_schemas_that_contain_each_other_have_a_small_example() -> None:
    """Ten members that are the whole again would be a hundred million after eight levels."""
    node = {"$ref": "#/components/schemas/Node"}
    members = {f"child{number}": node for number in range(10)}
    found = body_of(node, Node={"type": "object", "properties": members})
    assert json.dumps(found).count("child") <= MOST
    assert found["child0"]["child0"]


def test_the_parts_of_a_schema_are_put_together() -> None:
    base = {"type": "object", "properties": {"id": {"type": "integer"}}}
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Base"}],
        "properties": {"name": {"type": "string"}},
    }
    assert body_of(schema, Base=base) == {"id": 1, "name": "text"}


def test_a_large_document_has_an_end() -> None:
    parameter = {"name": "a", "description": "long " * 1000, "example": "x" * 1000}
    content = {
        "application/json": {"example": {"text": "x" * 100_000}, "schema": {"type": "object"}}
    }
    operation = {
        "summary": "word " * 1000,
        "parameters": [parameter],
        "requestBody": {"content": content},
    }
    document = {"paths": {f"/{number}": {"post": operation} for number in range(1000)}}
    found = operations([], {"/one": document})
    assert len(found) == MAX_OPERATIONS
    assert len(found[0]["summary"]) == len(found[0]["parameters"][0]["description"]) == LONGEST
    assert found[0]["parameters"][0]["example"] == ""
    assert len(found[0]["body"]) < LONGEST_BODY


def test_a_single_mount_offers_its_own_routes() -> None:
    assert "/only-flask" in {one["path"] for one in offered(flask_app())}


def test_a_rule_without_a_view_is_no_error() -> None:
    apps = [flask_app(), flask_app()]
    for app in apps:
        app.add_url_rule("/only-to-build-urls", "elsewhere")
    assert "/only-to-build-urls" in {one["path"] for one in offered(*apps)}
