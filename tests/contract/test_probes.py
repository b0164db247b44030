"""The two endpoints to measure with."""

import time

import pytest

from tests.conftest import Api, assert_problem


def test_hello(api: Api) -> None:
    response = api.get("/api/hello")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == b'{"message":"Hello, World!"}'


@pytest.mark.parametrize(("query", "waited"), [("", 50), ("?ms=0", 0), ("?ms=120", 120)])
def test_wait(api: Api, query: str, waited: int) -> None:
    started = time.monotonic()
    response = api.get(f"/api/wait{query}")
    # A lower bound: it says that the request waited, not how fast anything is.
    assert time.monotonic() - started >= waited / 1000
    assert response.status_code == 200
    assert response.content == b'{"waited_ms":%d}' % waited


@pytest.mark.parametrize("value", ["-1", "10001", "x", "", "1.5", "1_0", "9" * 5000])
def test_a_wait_that_is_refused(api: Api, value: str) -> None:
    problem = assert_problem(api.get(f"/api/wait?ms={value}"), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/ms"]
