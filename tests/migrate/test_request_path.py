"""What clients get while an API moves: one answer, from the right side, without harm."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from framework_gateway.migrate.headers import add_vary
from framework_gateway.migrate.rollout import cookie_of
from framework_gateway.migrate.testers import sign
from tests.databases import free_port
from tests.migrate.gateways import SECRET, moved

ROUTE = "GET /users/{number}"
LIVE = {"route": "/users/{number}", "methods": "reads", "stage": "live", "percent": 100}


def test_without_rules_only_the_old_application_sees_requests(tmp_path: Path) -> None:
    with moved(tmp_path) as api:
        assert api.client.get("/api/users/1").json()["name"] == "Ada"
        assert api.client.post("/api/users", json={"name": "Eve"}).status_code == 201
        assert not api.new.seen


def test_a_live_route_is_answered_by_the_new_application(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE | {"share": 0}) as api:
        assert api.client.get("/api/users/1").json()["name"] == "Ada"
        assert [path for _, path, _ in api.new.seen] == ["/api/users/1"]
        assert not api.seen_by_old


def test_reads_and_writes_move_apart(tmp_path: Path) -> None:
    writes = {"methods": "writes", "stage": "complete"}
    with moved(tmp_path, writes, {"methods": "reads", "stage": "off"}) as api:
        api.client.get("/api/users")
        api.client.post("/api/users", json={})
        assert [method for method, _, _ in api.new.seen] == ["POST"]
        assert [method for method, _, _ in api.seen_by_old] == ["GET"]


@pytest.mark.parametrize("mode", ["error", "raise", "exit", "hang", "late"])
def test_a_read_that_the_new_application_fails_is_answered_by_the_old_one(
    tmp_path: Path, mode: str
) -> None:
    with moved(tmp_path, LIVE | {"share": 0}, timeout=0.3) as api:
        api.new.mode = mode
        response = api.client.get("/api/users/1")
        assert (response.status_code, response.json()["name"]) == (200, "Ada")
        assert len(api.new.seen) == 1
        counts = api.counts(ROUTE)
        assert counts["fallback"] == counts["new failure"] == counts["old success"] == 1


def test_a_new_application_that_cannot_be_reached_harms_no_reader(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with moved(tmp_path, {"stage": "live", "percent": 100}, address=address) as api:
        assert api.client.get("/api/users/1").json()["name"] == "Ada"
        assert api.counts("GET /users/{number}")["fallback"] == 1
        assert api.client.post("/api/users", json={}).status_code == 502
        assert [method for method, _, _ in api.seen_by_old] == ["GET"]


def test_a_new_application_that_cannot_be_loaded_is_a_warning(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE, address="nowhere.to_be_found:app") as api:
        assert api.client.get("/api/users/1").json()["name"] == "Ada"
        ready = api.client.get("/health/ready")
        assert ready.status_code == 200
        assert "nowhere" in ready.text


def test_a_body_is_there_for_the_fallback_too(tmp_path: Path) -> None:
    rule = {"route": "/echo", "methods": "reads", "stage": "live", "percent": 100, "share": 0}
    with moved(tmp_path, rule) as api:
        response = api.client.request("GET", "/api/echo", content=b"a search")
        assert response.text == "a search"
        assert api.new.bodies == [b"a search"]


def test_a_write_is_never_repeated(tmp_path: Path) -> None:
    with moved(tmp_path, {"stage": "live", "percent": 100}) as api:
        response = api.client.post("/api/users", content=b"not JSON")
        assert response.status_code == 500
        assert len(api.new.seen) == 1
        assert not api.seen_by_old


def test_after_the_move_the_old_application_answers_nothing(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE | {"stage": "complete"}) as api:
        api.new.mode = "error"
        assert api.client.get("/api/users/1").status_code == 500
        assert not api.seen_by_old


def test_an_endless_answer_streams_through_the_fallback(tmp_path: Path) -> None:
    with moved(tmp_path, {"stage": "live", "percent": 100}) as api:
        assert len(api.client.get("/api/large").content) == 300_000
        assert [path for _, path, _ in api.new.seen] == ["/api/large"]


def test_a_client_stays_on_its_side_when_the_percentage_rises(tmp_path: Path) -> None:
    rule: dict[str, Any] = LIVE | {"share": 0}
    with moved(tmp_path, rule | {"percent": 30}, sticky=["header:X-Client"]) as api:

        def sides() -> list[bool]:
            found = []
            for client in range(60):
                before = len(api.new.seen)
                response = api.client.get("/api/users/1", headers={"X-Client": str(client)})
                assert response.headers["vary"] == "X-Client"
                found.append(len(api.new.seen) > before)
            return found

        first = sides()
        assert first == sides()
        assert 5 < sum(first) < 35
        api.set(**rule | {"percent": 60})
        second = sides()
        assert sum(second) > sum(first)
        assert all(later for earlier, later in zip(first, second, strict=True) if earlier)


def test_only_who_has_the_secret_chooses_a_side(tmp_path: Path) -> None:
    with moved(tmp_path) as api:
        mark = sign(SECRET, "/api", "new", time.time() + 60)
        forged = sign("another secret for it", "/api", "new", time.time() + 60)
        expired = sign(SECRET, "/api", "new", time.time() - 1)
        elsewhere = sign(SECRET, "/other", "new", time.time() + 60)
        for wrong in (forged, expired, elsewhere, "new", ""):
            response = api.client.get("/api/users/1", headers={"Gateway-Move": wrong})
            assert "gateway-move" not in response.headers
        assert not api.new.seen
        response = api.client.get("/api/users/1", headers={"Gateway-Move": mark})
        assert response.headers["gateway-move"] == "new"
        response = api.client.get("/api/users/1", headers={"Cookie": f"gateway-move={mark}"})
        assert response.headers["gateway-move"] == "new"
        assert len(api.new.seen) == 2
        assert "gateway-move" not in api.new.seen[0][2]


def test_no_client_can_pretend_to_be_a_shadow(tmp_path: Path) -> None:
    with moved(tmp_path) as api:
        api.client.get("/api/users/1", headers={"Gateway-Shadow": "1"})
        assert "Gateway-Shadow" not in api.seen_by_old[0][2]


def test_the_old_application_sees_the_request_of_the_client(tmp_path: Path) -> None:
    with moved(tmp_path, LIVE | {"share": 0}) as api:
        api.new.mode = "meddle"
        assert api.client.get("/api/users/1").status_code == 200
        ((_, _, headers),) = api.seen_by_old
        assert "X-Meddled" not in headers


def test_the_old_application_gets_half_of_a_short_time(tmp_path: Path) -> None:
    rule = {"stage": "live", "percent": 100}
    with moved(tmp_path, rule, settings={"request_timeout": 1.0}) as api:
        api.new.mode = "hang"
        answer = api.client.get("/api/users/1")
        assert (answer.status_code, answer.json()["name"]) == (200, "Ada")
        api.wait_for("GET /users/{number}", "fallback")


def test_a_write_that_is_not_answered_in_time_is_a_failure(tmp_path: Path) -> None:
    rule = {"stage": "live", "percent": 100}
    options = {"request_timeout": 0.3}
    with moved(tmp_path, rule, old_options=options, new_options=options) as api:

        @api.new.app.delete("/users")
        async def hang() -> None:
            await asyncio.Event().wait()

        assert api.client.delete("/api/users").status_code == 504
        api.wait_for("DELETE /users", "new failure")
        assert not api.seen_by_old


def test_vary_names_each_header_once() -> None:
    headers = [(b"Vary", b"Accept, cookie")]
    add_vary(headers, "Cookie, Authorization")
    assert headers[1:] == [(b"vary", b"Authorization")]
    add_vary(headers, "Cookie, Authorization")
    assert len(headers) == 2


def test_a_cookie_is_found_in_each_field_of_http_2() -> None:
    scope = {"headers": [(b"cookie", b"theme=dark"), (b"cookie", b"session=one")]}
    assert cookie_of(scope, "session") == "one"
