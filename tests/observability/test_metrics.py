"""/metrics: what is counted, with which labels, and the sum over several workers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.multiprocess import mark_process_dead

from framework_gateway import Mount
from framework_gateway.observability.metrics import SECONDS, Metrics
from framework_gateway.observability.multiprocess import Durations
from framework_gateway.wsgi.threads import COUNTERS, Gauges
from tests.conftest import FRAMEWORKS
from tests.databases import free_port
from tests.gateways import Seen, seen, total
from tests.servers import Server, serve
from tests.wsgi.responses import hello
from tests.wsgi.server import wait_until

COUNT = "http_request_duration_seconds_count"
HELLO = "/app=tests.wsgi.server:hello"
BYTES = "http_response_bytes_total"


@pytest.fixture
def observed(database: object) -> Iterator[Seen]:
    with seen() as gateway:
        yield gateway


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_requests_are_counted_by_framework_method_route_and_status(
    observed: Seen, framework: str
) -> None:
    for user in (1, 2, 99):
        observed.client.get(f"/{framework}/api/users/{user}")
    labels = {"framework": framework, "method": "GET", "route": "/api/users/{user_id}"}
    wait_until(lambda: observed.metric(COUNT, **labels) == 3)
    assert observed.metric(COUNT, **labels, status="200") == 2
    assert observed.metric(COUNT, **labels, status="404") == 1
    assert observed.metric("http_request_duration_seconds_bucket", **labels, le="+Inf") == 3
    assert observed.metric("http_request_duration_seconds_sum", **labels) > 0
    alice = '{"id":1,"name":"Alice","email":"alice@example.com"}'
    bob = '{"id":2,"name":"Bob","email":"bob@example.com"}'
    assert observed.metric(BYTES, **labels, status="200") == len(alice) + len(bob)


def test_a_duration_falls_into_its_bucket() -> None:
    app = FastAPI()
    # The test measures this wait.
    app.add_api_route("/", lambda: time.sleep(0.3))
    with seen({"/slow": app}) as gateway:
        gateway.client.get("/slow/")
        bucket = {"framework": "slow", "name": "http_request_duration_seconds_bucket"}
        wait_until(lambda: gateway.metric(**bucket, le="+Inf") == 1)
        assert gateway.metric(**bucket, le="0.25") == 0
        assert gateway.metric(**bucket, le="60.0") == 1


@given(st.lists(st.sampled_from(SECONDS) | st.floats(0, 100)))
def test_durations_counted_together_fall_into_the_same_buckets_as_alone(
    seconds: list[float],
) -> None:
    at_once, singly = (Durations("name", "text", buckets=SECONDS, registry=None) for _ in range(2))
    at_once.observe_all(seconds)
    for duration in seconds:
        singly.observe(duration)
    assert samples(at_once) == pytest.approx(samples(singly))


def samples(histogram: Durations) -> dict[str, float]:
    """Return its buckets, count and sum."""
    (metric,) = histogram.collect()
    return {
        sample.name + sample.labels.get("le", ""): sample.value
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def test_requests_of_clients_do_not_add_labels() -> None:
    with seen({"/app": hello}) as gateway:
        for number in range(20):
            gateway.client.request(f"MADE{number}", f"/app/{number}")
        wait_until(lambda: gateway.metric(COUNT, framework="app") == 20)
        assert gateway.metric(COUNT, framework="app", method="other", route="") == 20


def test_the_metrics_show_the_load_of_each_mount() -> None:
    with seen({"/one": hello, "/two": hello, "/asgi": FastAPI()}) as gateway:
        gateway.client.get("/one/")
        text = gateway.client.get("/metrics").text
        for field in fields(Gauges):
            name = f"mount_{field.name}" + ("_total" if field.name in COUNTERS else "")
            for mount in ("one", "two"):
                assert f'{name}{{mount="{mount}"}}' in text
        assert 'mount_threads{mount="asgi"}' not in text
        assert 'mount_shed_total{mount="asgi"}' in text
        assert 'mount_open{mount="asgi"}' in text
        wait_until(lambda: gateway.metric("mount_threads", mount="one") == 1)
        assert gateway.metric("mount_threads", mount="two") == 0


def test_the_growth_of_a_mounts_counters_is_counted_once() -> None:
    mount = Mount("/app", FastAPI())
    metrics = Metrics([mount])
    for shed in (3, 3, 5):
        mount.shed = shed
        metrics.update(0.0, 0)
    assert b'mount_shed_total{mount="app"} 5.0\n' in metrics.collect()


def test_requests_without_a_response_are_in_flight() -> None:
    async def hold(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass

    with seen({"/hold": hold}) as gateway:
        with gateway.client.websocket_connect("ws://127.0.0.1/hold/"):
            # The held request, and the request for the metrics.
            wait_until(lambda: gateway.metric("http_requests_in_flight") == 1)
        wait_until(lambda: gateway.metric("http_requests_in_flight") == 0)


def test_a_blocking_async_handler_shows_as_event_loop_lag() -> None:
    app = FastAPI()

    @app.get("/blocking")
    async def block() -> None:
        # The mistake that the metric must show.
        time.sleep(0.6)

    bucket = "event_loop_lag_seconds_bucket"
    with seen({"/app": app}) as gateway:

        def late() -> float:
            return gateway.metric(bucket, le="+Inf") - gateway.metric(bucket, le="0.25")

        before = late()
        gateway.client.get("/app/blocking")
        wait_until(lambda: late() > before)


def test_the_process_is_measured() -> None:
    with seen({}) as gateway:
        assert gateway.metric("process_resident_memory_bytes") > 1_000_000
        assert gateway.metric("process_open_fds") > 0


@contextmanager
def worker(directory: Path) -> Iterator[tuple[Server, str]]:
    """Run a process that counts into a directory, as under a server with several processes."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_METRICS_DIR": str(directory)}
    command = ("gateway", "--port", port, "--only-mounts", "--mount", HELLO)
    with serve(*command, origin=origin, path="/health/live", env=env) as server:
        yield server, origin


def test_every_worker_shows_the_sum_including_dead_workers(tmp_path: Path) -> None:
    def metric(name: str, **labels: str) -> float:
        return total(httpx.get(f"{first}/metrics").text, name, **labels)

    with worker(tmp_path) as (one, first), worker(tmp_path) as (two, second):
        for origin, count in ((first, 3), (second, 2)):
            for _ in range(count):
                httpx.get(f"{origin}/app/")
        wait_until(lambda: metric(COUNT, framework="app") == 5)
        wait_until(lambda: metric("mount_threads", mount="app") == 2)
        assert metric("worker_up") == 2
        assert metric("process_resident_memory_bytes", pid=str(two.pid)) > 1_000_000
        two.kill()
        two.wait(20)
        mark_process_dead(two.pid, str(tmp_path))  # type: ignore[no-untyped-call]
        assert metric(COUNT, framework="app") == 5
        assert metric(BYTES, framework="app") == 5 * len("hello")
        assert metric("mount_threads", mount="app") == 1
        assert metric("worker_up", pid=str(one.pid)) == metric("worker_up") == 1
        assert metric("process_resident_memory_bytes", pid=str(two.pid)) == 0
