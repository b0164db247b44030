"""The two endpoints that exist to be measured."""

import time

import pytest

from tests.conftest import Api, assert_problem


def test_hello_returns_the_greeting(api: Api) -> None:
    response = api.get("/api/hello")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == b'{"message":"Hello, World!"}'


@pytest.mark.parametrize(("query", "waited"), [("", 50), ("?ms=0", 0), ("?ms=120", 120)])
def test_wait_waits_at_least_that_long(api: Api, query: str, waited: int) -> None:
    started = time.monotonic()
    response = api.get(f"/api/wait{query}")
    # Only a lower bound: the test checks that the request waited, not how fast anything is.
    assert time.monotonic() - started >= waited / 1000
    assert response.status_code == 200
    assert response.content == b'{"waited_ms":%d}' % waited


@pytest.mark.parametrize("value", ["-1", "10001", "x", "", "1.5", "1_0", "9" * 5000])
def test_an_invalid_wait_is_refused(api: Api, value: str) -> None:
    problem = assert_problem(api.get(f"/api/wait?ms={value}"), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/ms"]
