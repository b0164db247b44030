"""Differences of one mistake are one group."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.groups import groups_of
from framework_gateway.compare.messages import Request
from framework_gateway.compare.routes import Routes
from tests.compare.pairs import JSON, answers


def body(value: Any) -> Callable[..., Any]:
    return answers(json.dumps(value), JSON)


def compare(old: Any, new: Any) -> Comparison:
    with comparing({"old": old, "new": new}, headers="all,-Content-Length") as ask:
        return ask("GET", "/items")


@pytest.mark.parametrize(
    ("old", "new", "groups"),
    [
        (body([{"p": 1}, {"p": 2}]), body([{"p": 3}, {"p": 4}]), ["body /*/p (value)"]),
        (body({"a": 1}), body({"a": "1"}), ["body /a (type): old number, new string"]),
        (body({"a": None}), body({"a": [True]}), ["body /a (null): old null, new array"]),
        (body({"a": {}}), body({"a": True}), ["body /a (type): old object, new boolean"]),
        (body({"a": 1, "b": 1}), body({"b": 2}), ["body /a (missing): not in new", "body /b"]),
        (body([1, 2]), body([2, 1]), ["body (order)"]),
        (answers("x", JSON, status=400), answers("y", status=422), ["status: old 400, new 422"]),
        (answers("", ("X-A", "1")), answers(""), ["header X-A (missing): not in new"]),
    ],
)
def test_a_group_says_place_type_and_what_tells_it_apart(
    old: Any, new: Any, groups: list[str]
) -> None:
    found = [group.what for group in groups_of(compare(old, new), "GET /items")]
    assert len(found) == len(groups), found
    assert all(one.startswith(start) for one, start in zip(found, groups, strict=True)), found


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("no answer from me")


def test_a_missing_answer_is_a_group() -> None:
    (group,) = groups_of(compare(broken, answers("")), "GET /items")
    assert str(group) == "GET /items: no answer (not answered): old"


@pytest.mark.parametrize(
    ("request_", "route"),
    [
        (Request("GET", "/items/7?x=1"), "GET /items/{item_id}"),
        (Request("GET", "/items/new"), "GET /items/new"),
        (Request("POST", "/items/7"), "POST /items/{id}"),
        (Request("GET", "/items/7/"), "GET /items/{id}/"),
        (Request("GET", "/files/a.b/x"), "GET /files/{name}.b/x"),
    ],
)
def test_templates_name_the_routes(request_: Request, route: str) -> None:
    paths = ("/items/{item_id}", "/items/new", "/files/{name}.b/x")
    assert Routes(("GET", path) for path in paths)(request_) == route
