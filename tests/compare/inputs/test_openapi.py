"""Requests that an OpenAPI document describes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from framework_gateway.compare.inputs import UNSAFE, InputError, openapi
from framework_gateway.compare.messages import Request

LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
ITEM = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Items", "version": "1"},
    "servers": [{"url": "https://shop.example/v1"}],
    "paths": {
        "/items": {
            "get": {"parameters": [LIMIT], "responses": {"200": {"description": "OK"}}},
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ITEM}},
                },
                "responses": {"201": {"description": "Created"}},
            },
        },
        "/items/{item_id}": {
            "parameters": [
                {"name": "item_id", "in": "path", "required": True, "schema": {"type": "integer"}}
            ],
            "get": {"responses": {"200": {"description": "OK"}}},
        },
    },
}


def generate(**options: Any) -> tuple[list[Request], Counter[str]]:
    skipped: Counter[str] = Counter()
    schema = openapi.parse(json.dumps(DOCUMENT).encode(), "target")
    return [*openapi.generate(schema, skipped, **{"max_examples": 20, **options})], skipped


def test_valid_and_invalid_requests_are_generated() -> None:
    requests, skipped = generate()
    assert {request.method for request in requests} == {"GET"}
    assert skipped == {UNSAFE: 1}
    limits = {
        request.path.partition("limit=")[2].partition("&")[0]
        for request in requests
        if request.path.startswith("/v1/items?")
    }
    assert any(limit.lstrip("-").isdecimal() for limit in limits)
    assert not all(limit.lstrip("-").isdecimal() for limit in limits)
    assert all(request.headers == () for request in requests[:4])


def test_the_simplest_request_and_its_neighbour_come_first() -> None:
    requests, _ = generate()
    assert requests[:2] == [Request("GET", "/v1/items"), Request("GET", "/v1/items/")]
    assert openapi.neighbour(Request("GET", "/a/?b=/")) == Request("GET", "/a?b=/")
    assert openapi.neighbour(Request("GET", "/")) == Request("GET", "//")


def test_unsafe_requests_need_an_option() -> None:
    requests, skipped = generate(unsafe=True)
    bodies = [request.body for request in requests if request.method == "POST"]
    assert any(b'"name": "' in body for body in bodies)
    assert not all(b'"name": "' in body for body in bodies)
    assert UNSAFE not in skipped


def test_the_same_seed_gives_the_same_requests() -> None:
    assert generate(seed=1) == generate(seed=1)
    assert generate(seed=1) != generate(seed=2)


def test_the_prefix_of_a_target_is_not_doubled() -> None:
    assert generate(prefix="/v1")[0][0] == Request("GET", "/items")
    schema = openapi.parse(json.dumps(DOCUMENT).encode(), "target")
    assert ("GET", "/v1/items/{item_id}") in openapi.templates(schema, "")
    assert ("POST", "/items") in openapi.templates(schema, "/v1")


@pytest.mark.parametrize("name", ["api.json", "api.yaml"])
def test_files_are_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(DOCUMENT))  # JSON is YAML, too
    assert len(openapi.templates(openapi.load(str(file)), "")) == 3


def test_what_is_no_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        openapi.load("nowhere")
    (tmp_path / "api.json").write_text("[]")
    with pytest.raises(InputError, match="not appear to be a valid OpenAPI"):
        openapi.load(str(tmp_path / "api.json"))
    with pytest.raises(InputError, match="new: the OpenAPI document is not JSON"):
        openapi.parse(b"<html>", "new")


def test_operations_of_other_servers_and_endless_streams_are_left_out() -> None:
    ok = {"200": {"description": "OK"}}
    stream = {"200": {"description": "Events", "content": {"text/event-stream": {}}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "API", "version": "1"},
        "paths": {
            "/both": {"get": {"responses": ok}},
            "/one": {"get": {"responses": ok, "servers": [{"url": "/one"}]}},
            "/events": {"get": {"responses": stream}},
        },
    }
    schema = openapi.parse(json.dumps(document).encode(), "test")
    skipped = Counter[str]()
    found = {one.path for one in openapi.operations(schema, skipped)}
    assert found == {"/both"}
    assert skipped == {openapi.OTHER_SERVERS: 1, openapi.ENDLESS: 1}
