"""Companions and background tasks that are down: readiness names them, and metrics count them."""

from dataclasses import dataclass

from starlette.testclient import TestClient

from framework_gateway import Gateway
from tests.wsgi.responses import hello
from tests.wsgi.server import wait_until


@dataclass
class Task:
    fault: str | None = None
    restarts: int = 0


def test_a_task_that_is_down_is_a_warning_and_is_counted() -> None:
    task = Task()
    app = Gateway({"/hello": hello}, tasks=lambda: {"clock": task})
    app.watch_companions({"worker": Task("it has ended (status 1) and starts again", 2)})
    with TestClient(app, "http://127.0.0.1") as client:
        worker = {"companion worker": "it has ended (status 1) and starts again"}
        assert client.get("/health/ready").json()["warnings"] == worker
        task.fault, task.restarts = "it has ended", 3
        ready = client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["warnings"] == {**worker, "task clock": "it has ended"}

        def lines() -> list[str]:
            return client.get("/metrics").text.splitlines()

        wait_until(lambda: 'task_restarts_total{task="clock"} 3.0' in lines())
        assert 'task_up{task="clock"} 0.0' in lines()
        assert 'companion_up{companion="worker"} 0.0' in lines()
        assert 'companion_restarts_total{companion="worker"} 2.0' in lines()
