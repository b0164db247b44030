"""Shadows: compared after the answer, within limits, and harmless to clients."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from framework_gateway.migrate.jobs import Job
from framework_gateway.migrate.shadowing import ALWAYS_TWICE
from tests.migrate.gateways import moved
from tests.wsgi.server import wait_until

ROUTE = "GET /users/{number}"
SHADOW = {"methods": "reads", "stage": "shadow"}


def test_a_shadow_is_marked_and_compared(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        response = api.client.get("/api/users/1?verbose=1", headers={"X-Request-ID": "one"})
        assert response.json()["name"] == "Ada"
        api.wait_for(ROUTE, "equal")
        (method, path, headers) = api.new.seen[0]
        assert (method, path) == ("GET", "/api/users/1")
        assert headers["gateway-shadow"] == "1"
        assert headers["x-request-id"] == "one"
        assert api.counts(ROUTE)["compared"] == 1


def test_a_difference_is_found_at_its_place(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        api.new.mode = "wrong"
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "differing")
        (found,) = api.evidence(ROUTE).found.values()
        assert found.what == "body /name (value)"
        assert found.example is not None
        assert found.example["request"]["path"] == "/users/1"
        (difference,) = [one for one in found.example["differences"] if one["kind"] == "value"]
        # Nothing of a body is kept in clear by default.
        assert difference["values"] == {
            "old": '"***" (3 characters)',
            "new": '"***" (3 characters)',
        }


def test_the_live_side_is_compared_with_the_old_one(tmp_path: Path) -> None:
    with moved(tmp_path, {"methods": "reads", "stage": "live", "percent": 100}) as api:
        api.new.mode = "wrong"
        assert api.client.get("/api/users/1").json()["name"] == "Eve"
        api.wait_for(ROUTE, "differing")
        assert api.seen_by_old[0][2]["Gateway-Shadow"] == "1"


def test_writes_have_a_shadow_only_where_the_rule_says_so(tmp_path: Path) -> None:
    writes = {"route": "/users", "methods": "POST", "stage": "shadow"}
    with moved(tmp_path, writes) as api:
        api.client.post("/api/users", json={"name": "Eve"})
        api.set(**writes, unsafe=True)
        api.client.post("/api/users", json={"name": "Eve"})
        api.wait_for("POST /users", "equal")
        assert [method for method, _, _ in api.new.seen] == ["POST"]


def test_credentials_go_only_where_the_rule_says_so(tmp_path: Path) -> None:
    cookie = {"Cookie": "session=secret"}
    with moved(tmp_path, SHADOW) as api:
        api.client.get("/api/users/1", headers=cookie)
        api.client.get("/api/users/1", headers={"X-Session-Token": "secret"})
        api.wait_for(ROUTE, "credentials", 2)
        assert not api.new.seen
        api.set(**SHADOW, credentials="remove")
        api.client.get("/api/users/1", headers=cookie)
        api.wait_for(ROUTE, "compared")
        assert "cookie" not in api.new.seen[0][2]
        api.set(**SHADOW, credentials="forward")
        api.client.get("/api/users/1", headers=cookie)
        api.wait_for(ROUTE, "compared", 2)
        assert api.new.seen[1][2]["cookie"] == "session=secret"


def test_what_differs_by_itself_is_noise(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW, limits={"noise": 1.0}) as api:
        for _ in range(5):
            api.client.get("/api/noise")
        api.wait_for("GET /noise", "compared", 5)
        counts = api.counts("GET /noise")
        assert counts["noisy"] == 5
        assert "differing" not in counts
        assert api.evidence("GET /noise").differing == 0


def test_a_shadow_that_hangs_costs_its_slots_only(tmp_path: Path) -> None:
    limits = {"concurrency": 2, "queue": 3, "timeout": 0.5}
    with moved(tmp_path, SHADOW, limits=limits) as api:
        api.new.mode = "hang"
        for _ in range(20):
            assert api.client.get("/api/users/1").status_code == 200
        assert api.control.shadows.running <= 2
        assert api.control.shadows.waiting <= 3
        wait_until(lambda: not api.control.shadows.running)
        counts = api.counts(ROUTE)
        assert counts["dropped"] + counts["timed out"] == 20
        assert counts["timed out"] >= 5
        assert api.control.memory == 0


def test_an_endless_shadow_is_cut_off(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        api.new.mode = "stream"
        assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "too large")
        wait_until(lambda: api.control.memory == 0)


def test_a_large_answer_is_not_kept(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        assert len(api.client.get("/api/large").content) == 300_000
        api.wait_for("GET /large", "too large")
        assert not api.new.seen
        assert api.control.memory == 0


def test_no_memory_means_no_shadow(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW, limits={"memory": 1000, "body": 600}) as api:
        assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "dropped")
        assert not api.new.seen


def test_a_new_application_that_crashes_is_counted(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        api.new.mode = "raise"
        assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "differing")
        (found,) = api.evidence(ROUTE).found.values()
        assert found.what == "status: old 200, new 500"


def test_only_a_share_has_a_shadow(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW | {"share": 0}) as api:
        for _ in range(5):
            api.client.get("/api/users/1")
        assert api.counts(ROUTE)["requests"] == 5
        assert not api.new.seen


def test_an_application_that_exits_ends_its_shadow_only(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        api.new.mode = "exit"
        assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "not answered")
        api.new.mode = "well"
        assert api.client.get("/api/users/1").status_code == 200
        api.wait_for(ROUTE, "equal")
        assert api.control.memory == 0


def test_an_answer_without_credentials_is_no_noise(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW | {"credentials": "remove"}, limits={"noise": 1.0}) as api:
        api.client.get("/api/me", headers={"Cookie": "session=secret"})
        api.wait_for("GET /me", "compared")
        assert api.counts("GET /me")["differing"] == 1
        # The same request without a cookie is compared as it was sent.
        api.client.get("/api/me")
        api.wait_for("GET /me", "equal")


def test_a_full_mount_is_no_difference(tmp_path: Path) -> None:
    limits = {"concurrency": 2, "timeout": 30.0}
    with moved(tmp_path, SHADOW, limits=limits, new_options={"max_requests": 1}) as api:
        api.new.mode = "hang"
        api.client.get("/api/users/1")
        wait_until(lambda: api.new.seen)
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "dropped")
        assert "differing" not in api.counts(ROUTE)


def test_a_shadow_that_is_queued_at_the_last_moment_is_sent(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW, limits={"concurrency": 1, "noise": 0.0}) as api:
        shadows, seen = api.control.shadows, api.control.seen

        def observe(job: Job, *found: Any) -> None:
            shadows.observe = seen.observe
            seen.observe(job, *found)
            # It runs when the task has ended, but before the callback that takes note of that.
            asyncio.get_running_loop().call_soon(shadows.submit, replace(job, size=0))

        shadows.observe = observe
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "compared", 2)


def test_a_breaker_judges_only_what_the_new_application_answers(tmp_path: Path) -> None:
    live = SHADOW | {"stage": "live", "percent": 100}
    with moved(tmp_path, live, breaker={"volume": 3, "differing": 0.0}) as api:
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "equal")
        assert api.control.seen.breakers.keys() == {ROUTE}
        api.set(**SHADOW)
        api.new.mode = "wrong"
        for _ in range(5):
            api.client.get("/api/users/1")
        api.wait_for(ROUTE, "differing", 5)
        assert not api.control.rollout.state.trips


def test_noise_stays_noise_when_the_old_application_is_asked_once(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW, limits={"noise": 1e-9}) as api:
        for _ in range(ALWAYS_TWICE):
            api.client.get("/api/noise")
        api.wait_for("GET /noise", "compared", ALWAYS_TWICE)  # this also stores the evidence
        for _ in range(5):
            api.client.get("/api/noise")
        api.wait_for("GET /noise", "compared", ALWAYS_TWICE + 5)
        counts = api.counts("GET /noise")
        assert counts["noisy"] == ALWAYS_TWICE + 5
        assert "differing" not in counts


def test_comparing_that_fails_is_counted(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        shadows, seen = api.control.shadows, api.control.seen

        def fail(*_found: Any) -> None:
            shadows.observe = seen.observe
            raise RuntimeError("a mistake of the gateway")

        shadows.observe = fail
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "failed to compare")
        api.client.get("/api/users/1")
        api.wait_for(ROUTE, "equal")
        assert api.control.memory == 0


def test_a_condition_of_the_client_is_no_difference(tmp_path: Path) -> None:
    with moved(tmp_path, SHADOW) as api:
        response = api.client.get("/api/cached", headers={"If-None-Match": '"one"'})
        assert response.status_code == 304
        api.wait_for("GET /cached", "not modified")
        assert not api.new.seen
        response = api.client.get("/api/cached", headers={"If-None-Match": '"older"'})
        assert response.status_code == 200
        api.wait_for("GET /cached", "compared")
        ((_, _, headers),) = api.new.seen
        assert "if-none-match" not in headers
