"""What differed is asked again, and shrunk."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.inputs import Input
from framework_gateway.compare.learning import Learner
from framework_gateway.compare.messages import Request
from framework_gateway.compare.routes import Routes
from framework_gateway.compare.runs import run
from framework_gateway.compare.shrinking import Effort
from framework_gateway.compare.summary import Summary
from framework_gateway.compare.targets import Application

JSON = ("Content-Type", "application/json")


def shop(is_new: bool) -> Starlette:
    """An application that, if it is new, forgets a long name and refuses a negative limit."""
    flips = iter(range(1_000_000))

    async def create(request: Incoming) -> Response:
        data = json.loads(await request.body())
        if is_new and len(data.get("name", "")) > 3:
            del data["name"]
        return JSONResponse(data)

    async def search(request: Incoming) -> Response:
        refuses = is_new and request.query_params.get("limit", "").startswith("-")
        return JSONResponse([], 422 if refuses else 200)

    async def flaky(_request: Incoming) -> Response:
        return JSONResponse(is_new and next(flips) == 0)

    return Starlette(
        routes=[
            Route("/items", create, methods=["POST"]),
            Route("/items", search),
            Route("/flaky", flaky),
        ]
    )


def compare(*requests: Request, shrink: bool = True, effort: Effort | None = None) -> Summary:
    comparer = Comparer([Application("old", shop(False)), Application("new", shop(True))])
    summary = Summary(["old", "new"])
    source = Input("test", requests, len(requests))
    asyncio.run(run(comparer.compare, source, summary, effort or Effort(), shrink=shrink))
    return summary


def test_the_smallest_request_is_found() -> None:
    body = {"name": "a long name", "price": 1.5, "tags": ["x", {"y": None}]}
    summary = compare(
        Request("POST", "/items?x=1", (JSON, ("X-A", "b")), json.dumps(body).encode()),
        Request("GET", "/items?q=tea&limit=-9223372036854775808&offset=3"),
    )
    examples = {finding.group.what: finding.example for finding in summary.findings.values()}
    missing = examples["body /name (missing): not in new"].request
    assert missing.path == "/items"
    assert missing.headers == ()
    (value,) = json.loads(missing.body).values()
    assert 3 < len(value) < 8
    status = examples["status: old 200, new 422"].request
    assert status.path.startswith("/items?limit=-")
    assert len(status.path) < len("/items?limit=-12345")
    assert {finding.checked for finding in summary.findings.values()} == {2}


def test_what_is_not_found_again_is_told_apart() -> None:
    summary = compare(Request("GET", "/flaky"))
    assert summary.findings == {}
    (unstable,) = summary.unstable
    assert unstable.group.what == "body (value)"
    assert summary.exit_status == 1


def test_requests_are_not_shrunk_unless_asked() -> None:
    request = Request("GET", "/items?q=tea&limit=-1")
    (finding,) = compare(request, shrink=False).findings.values()
    assert finding.example.request == request
    assert finding.checked is None


def test_the_time_limit_ends_everything() -> None:
    over = Effort(deadline=time.monotonic())
    summary = compare(Request("GET", "/items?limit=-1"), effort=over)
    assert (summary.total, summary.is_late) == (0, True)


def test_the_number_of_requests_is_bounded() -> None:
    request = Request("GET", "/items?q=tea&limit=-922337203685477")
    (finding,) = compare(request, effort=Effort(requests=1)).findings.values()
    assert "limit=-" in finding.example.request.path


def listing(items: Callable[[str], Any]) -> Starlette:
    async def answer(request: Incoming) -> Response:
        found = items(request.url.path)
        return JSONResponse(found, 404 if found is None else 200)

    return Starlette(routes=[Route("/{path:path}", answer)])


SHOPS = {
    "/shops": {"shops": [{"id": "a/b", "name": "one"}, {"id": "c", "name": "two"}]},
    "/shops/c/items": [{"itemId": 77, "id": 1}],
    "/shops/c/items/77": {"price": 1},
}


@pytest.mark.parametrize("price", [1, "1"])
def test_identifiers_are_learnt_from_answers(price: object) -> None:
    new = {**SHOPS, "/shops/c/items/77": {"price": price}}
    templates = [
        ("GET", path)
        for path in ("/shops", "/shops/{shop_id}/items", "/shops/{shop_id}/items/{itemId}")
    ]
    learner = Learner(templates)

    def requests() -> Any:
        yield from (
            Request("GET", path) for path in ("/shops", "/shops/0/items", "/shops/0/items/0")
        )
        yield from learner.requests()

    comparer = Comparer(
        [Application("old", listing(SHOPS.get)), Application("new", listing(new.get))]
    )
    summary = Summary(["old", "new"], Routes(templates))
    source = Input("test", requests(), learn=learner.learn, templates=templates)
    asyncio.run(run(comparer.compare, source, summary, Effort()))
    assert summary.identical == (price == 1)
    if price != 1:
        (finding,) = summary.findings.values()
        assert finding.group.route == "GET /shops/{shop_id}/items/{itemId}"
        assert finding.example.request.path == "/shops/c/items/77"
