"""The cost of a move, measured for real, for a moment."""

import pytest

from showdown.bench import moves
from showdown.bench.steady import run_steady
from showdown.bench.suites import measure_suite
from tests.databases import free_port
from tests.servers import serve


def test_requests_are_sent_at_a_steady_rate() -> None:
    port = free_port()
    with serve(
        *("gateway", "--port", port, "--only-mounts", "--mount", "/x=flask_app:create_app"),
        origin=f"http://127.0.0.1:{port}",
        path="/x/api/hello",
    ):
        load = run_steady(port, "/x/api/hello", 50, 2)
        assert (load.requests, load.failed) == (100, 0)
        assert 0 < load.p50 <= load.p95 <= load.p99
        # Those that were due are sent, also while others wait.
        slow = run_steady(port, "/x/api/wait?ms=100", 50, 1)
        assert slow.requests == 50
        assert run_steady(port, "/x/api/nothing", 50, 1).failed == 50


@pytest.mark.slow
@pytest.mark.thorough
def test_a_move_is_measured() -> None:
    document = measure_suite(moves.SUITE, 1, 1)
    assert len(document["cases"]) == 4
    assert all(case["samples"][0]["failed"] == 0 for case in document["cases"])
