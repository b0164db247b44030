"""The breaker: a route goes back to the old application, with a reason, until it is released."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from framework_gateway.migrate.attempts import Outcome
from framework_gateway.migrate.bounds import BreakerOptions
from framework_gateway.migrate.breaker import Breaker, Window, answered_in
from tests.migrate.gateways import Moved, moved
from tests.wsgi.server import wait_until

ROUTE = "GET /users/{number}"
LIVE = {"methods": "reads", "stage": "live", "percent": 100, "share": 0}
OPTIONS = BreakerOptions()


def note(breaker: Breaker, side: Any, outcome: Outcome, times: int) -> str | None:
    found = [breaker.note_answer(side, outcome) for _ in range(times)]
    return next(filter(None, found), None)


def test_a_window_forgets_what_is_old() -> None:
    now = 0.0
    window = Window(10.0, lambda: now)
    for _ in range(20):
        window.add("new failure")
        now += 1.0
    assert 9 <= window.totals()["new failure"] <= 10
    now += 100.0
    assert window.totals()["new failure"] == 0


def test_too_many_failures_open_with_the_numbers() -> None:
    breaker = Breaker(OPTIONS)
    for _ in range(4):
        assert note(breaker, "new", Outcome.SUCCESS, 101) is None
        assert note(breaker, "new", Outcome.FAILURE, 1) is None
    reason = note(breaker, "new", Outcome.FAILURE, 1)
    assert reason == "success 98.7 % < 99 %, 409 requests"


def test_a_rate_needs_a_volume() -> None:
    assert note(Breaker(OPTIONS), "new", Outcome.FAILURE, 4) is None


def test_failures_in_a_row_open_at_any_volume() -> None:
    assert note(Breaker(OPTIONS), "new", Outcome.FAILURE, 5) == "5 failures in a row"


def test_where_the_old_application_fails_as_often_nothing_opens() -> None:
    breaker = Breaker(OPTIONS)
    note(breaker, "old", Outcome.FAILURE, 50)
    assert note(breaker, "new", Outcome.FAILURE, 50) is None


def test_faults_of_the_gateway_and_of_clients_do_not_count() -> None:
    breaker = Breaker(OPTIONS)
    assert note(breaker, "new", Outcome.GATEWAY, 100) is None
    assert note(breaker, "new", Outcome.LEFT, 100) is None
    assert answered_in(breaker.totals, "new") == (0, 0)


def test_differences_open_it() -> None:
    breaker = Breaker(OPTIONS)
    assert [breaker.note_comparison(False) for _ in range(30)] == [None] * 30
    assert breaker.note_comparison(True) is None
    assert breaker.note_comparison(True) == "differing 6.2% > 5.0%, 32 compared"


def test_a_rate_is_that_of_all_workers() -> None:
    breaker = Breaker(OPTIONS)
    breaker.others = Counter({"new success": 15, "new failure": 3})
    assert note(breaker, "new", Outcome.SUCCESS, 1) is None
    assert note(breaker, "new", Outcome.FAILURE, 1) == "success 80 % < 99 %, 20 requests"


def test_the_old_application_is_judged_by_all_workers_too() -> None:
    breaker = Breaker(OPTIONS)
    breaker.others = Counter({"old failure": 50})
    assert note(breaker, "new", Outcome.FAILURE, 20) is None


def open_breaker(api: Moved) -> None:
    api.new.mode = "error"
    for _ in range(5):
        assert api.client.get("/api/users/1").status_code == 200
    assert ROUTE in api.control.rollout.state.trips


def test_an_open_breaker_takes_one_route_back(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE) as api:
        open_breaker(api)
        before = len(api.new.seen)
        assert api.client.get("/api/users/1").json()["name"] == "Ada"
        assert len(api.new.seen) == before
        api.client.get("/api/users")
        assert len(api.new.seen) == before + 1  # the other routes go on


def test_it_stays_open_over_restarts_until_a_person_releases_it(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE) as api:
        open_breaker(api)
    with moved(tmp_path, LIVE) as api:
        assert api.client.get("/api/users/1").status_code == 200
        assert not api.new.seen
        trip = api.control.rollout.state.trips[ROUTE]
        assert trip.reason == "5 failures in a row"
        assert api.client.portal is not None
        change = partial(api.control.change, lambda state: state.released(ROUTE, "Ada"))
        state = api.client.portal.call(change)
        assert state.history[-1].who == "Ada"
        api.client.get("/api/users/1")
        assert len(api.new.seen) == 1


def test_the_metrics_and_the_log_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), moved(tmp_path, LIVE) as api:
        open_breaker(api)
        message = f"/api: {ROUTE} goes back to the old application: 5 failures in a row"
        assert message in caplog.text

        def shows(line: str) -> bool:
            return line in api.client.get("/metrics").text

        wait_until(lambda: shows('move_routes_back{move="api"} 1.0'))
        assert shows(
            'move_answers_total{move="api",outcome="failure",route="GET /users/{number}",'
            'side="new"} 5.0'
        )
        assert shows('move_fallbacks_total{move="api",route="GET /users/{number}"} 5.0')


def test_the_metrics_show_stages_verdicts_latencies_and_differences(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE | {"share": 100}, {"methods": "writes", "stage": "off"}) as api:
        api.new.mode = "wrong"
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "differing")
        text = api.client.get("/metrics").text
    for line in (
        'move_stage{move="api",rule="reads *",stage="live"} 1.0',
        'move_stage{move="api",rule="writes *",stage="off"} 1.0',
        'move_percent{move="api",rule="reads *"} 100.0',
        'move_percent{move="api",rule="writes *"} 0.0',
        'move_readiness{move="api",readiness="not ready",route="GET /users/{number}"} 1.0',
        'move_answer_duration_seconds_count{move="api",route="GET /users/{number}",side="new"} 1.0',
        'move_differences_total{difference="body (value)",move="api",route="GET /users/{number}"}',
    ):
        assert line in text, line


@contextmanager
def receiving(messages: list[Any]) -> Iterator[str]:
    """Run a receiver of webhooks that fails once; yield its address."""

    class Receiver(BaseHTTPRequestHandler):
        attempts = 0

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            Receiver.attempts += 1
            if Receiver.attempts > 1:
                messages.append(json.loads(body))
            self.send_response(204 if Receiver.attempts > 1 else 503)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


def test_a_webhook_is_told(tmp_path: Path) -> None:
    messages: list[Any] = []
    with receiving(messages) as url, moved(tmp_path, LIVE, breaker={"webhook": url}) as api:
        open_breaker(api)
        wait_until(lambda: messages)
        (message,) = messages
        assert message.pop("when") > 0
        assert message == {
            "event": "breaker",
            "move": "/api",
            "route": ROUTE,
            "reason": "5 failures in a row",
        }
