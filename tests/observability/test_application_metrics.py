"""The Prometheus metrics of mounted applications never mix with the gateway's."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.gateways import total
from tests.servers import Server, run, running, wait_for
from tests.wsgi.server import wait_until

COUNT = "http_request_duration_seconds_count"

# Its own metrics have the names of the gateway's, and those of prometheus_client's registry.
SHOP = """
import os
{before}
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

hits = Counter("shop_hits", "Hits.")
seconds = Histogram("http_request_duration_seconds", "Seconds.", ["page"])

def collect():
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)

def application(environ, start_response):
    hits.inc()
    seconds.labels(environ["PATH_INFO"]).observe(0.5)
    start_response("200 OK", [("X-Process", str(os.getpid()))])
    return [collect()]
"""
SETS_A_DIRECTORY = """
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.path.join(os.path.dirname(__file__), "own")
os.makedirs(os.environ["PROMETHEUS_MULTIPROC_DIR"], exist_ok=True)
"""


class Shop:
    """A gateway with an application that has metrics of its own.

    Attributes:
        answers: the metrics that the application showed in its last response, by process.
        requests: the number of requests to the application.
    """

    def __init__(self, process: Server, origin: str) -> None:
        self.process = process
        self.origin = origin
        self.answers: dict[str, str] = {}
        self.requests = 0

    def ask(self) -> bool:
        """Send a request on a connection of its own; return whether two workers have answered."""
        response = httpx.get(f"{self.origin}/shop/")
        self.answers[response.headers["X-Process"]] = response.text
        self.requests += 1
        return len(self.answers) > 1

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric of the gateway."""
        return total(self.metrics, name, **labels)

    @property
    def metrics(self) -> str:
        return httpx.get(f"{self.origin}/metrics").text

    def hits(self) -> list[float]:
        """Return the application's own counter, as each process showed it last."""
        return [total(text, "shop_hits_total") for text in self.answers.values()]

    def assert_apart(self) -> None:
        """Check that neither the gateway nor the application shows metrics of the other."""
        wait_until(lambda: self.metric(COUNT, framework="shop") == self.requests)
        assert "shop_hits" not in self.metrics
        assert 'page="' not in self.metrics
        for text in self.answers.values():
            assert "mount_open" not in text
            assert "framework=" not in text


@contextmanager
def shop(
    directory: Path, workers: int, before: str = "", env: dict[str, str] | None = None
) -> Iterator[Shop]:
    """Serve the application with a gateway."""
    (directory / "shop.py").write_text(SHOP.format(before=before))
    port = free_port()
    options = ("--workers", workers, "--only-mounts", "--mount", "/shop=shop:application")
    env = {"TMPDIR": str(directory), **(env or {})}
    with running("gateway", "--port", port, *options, cwd=directory, env=env) as process:
        wait_for(process, f"http://127.0.0.1:{port}/health/live")
        yield Shop(process, f"http://127.0.0.1:{port}")


@pytest.mark.slow
def test_each_worker_has_the_applications_metrics_of_its_own(tmp_path: Path) -> None:
    with shop(tmp_path, workers=2) as served:
        wait_until(served.ask)
        assert sum(served.hits()) == served.requests
        served.assert_apart()
        # Also the process metrics of the default registry, which its collectors show.
        assert all("process_open_fds" in text for text in served.answers.values())
        assert served.metric("worker_up") == 2


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", ["module", "environment"])
def test_an_application_can_share_its_metrics_in_a_directory_of_its_own(
    tmp_path: Path, workers: int, place: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    before = SETS_A_DIRECTORY if place == "module" else ""
    env = {"PROMETHEUS_MULTIPROC_DIR": str(own)} if place == "environment" else {}
    with shop(tmp_path, workers, before, env) as served:
        if workers == 2:
            wait_until(served.ask)
        else:
            served.ask()
        assert max(served.hits()) == served.requests
        served.assert_apart()
        names = {path.name.partition("_")[0] for path in own.glob("*.db")}
        assert names == {"counter", "histogram"}
        assert b"mount_" not in b"".join(path.read_bytes() for path in own.glob("*.db"))


@pytest.mark.slow
def test_the_counts_of_a_killed_worker_are_kept(tmp_path: Path) -> None:
    with shop(tmp_path, workers=2) as served:
        wait_until(served.ask)
        served.assert_apart()
        killed = next(iter(served.answers))
        os.kill(int(killed), signal.SIGKILL)
        wait_until(lambda: served.metric("worker_up", pid=killed) == 0)
        served.ask()
        wait_until(lambda: served.metric("worker_up") == 2)
        served.assert_apart()
        served.process.terminate()
        assert served.process.wait(20) == 0
    assert not [*tmp_path.glob("gateway-metrics-*")]


# Like gunicorn's preload_app: the processes fork after the gateway has been composed.
FORKS = """
import os, sys
from pathlib import Path
from framework_gateway import Mount
from framework_gateway.observability.metrics import Metrics

async def app(scope, receive, send):
    pass

mount = Mount("/app", app)
metrics = Metrics([mount], Path(sys.argv[1]))
child = os.fork()
mount.shed = 3 if child else 4
metrics.update(0.0, 5)
if child:
    os.waitpid(child, 0)
    print(metrics.collect().decode())
"""


def test_processes_that_fork_after_the_gateway_was_composed_count_for_themselves(
    tmp_path: Path,
) -> None:
    result = run("python", "-c", FORKS, tmp_path / "metrics")
    assert total(result.stdout, "mount_shed_total", mount="app") == 7
    assert total(result.stdout, "http_requests_in_flight") == 10
    assert total(result.stdout, "event_loop_lag_seconds_count") == 2
    assert result.stderr == ""


IMPORTS = """
import sys
import framework_gateway.cli.main, framework_gateway.cli.serving
from framework_gateway import *
print("prometheus_client" in sys.modules)
"""


def test_the_first_import_of_prometheus_client_is_the_applications() -> None:
    """It decides for the whole process whether PROMETHEUS_MULTIPROC_DIR counts."""
    assert run("python", "-c", IMPORTS).stdout == "False\n"
