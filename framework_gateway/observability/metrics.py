"""Prometheus metrics at ``/metrics``, of one process or of all workers on one machine."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Literal

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from framework_gateway.mounts.mount import Mount
from framework_gateway.observability import multiprocess
from framework_gateway.observability.companions import CompanionCollector
from framework_gateway.observability.isolated import IsolatedCollector
from framework_gateway.observability.multiprocess import (
    Counter,
    Durations,
    Gauge,
    Histogram,
    values_in,
)
from framework_gateway.observability.observed import METHODS, FinishedRequest, Kind, framework_of
from framework_gateway.observability.watched import Watched
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.server.protocol import refused
from framework_gateway.wsgi.middleware import WSGIMiddleware
from framework_gateway.wsgi.threads import COUNTERS, Gauges

LABELS = ("framework", "method", "route", "status")
Labels = tuple[str, str, str, int]
MAX_SERIES = 2000  # label sets of requests; further ones have the route "other"
OTHER = "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

STATE = ("open", *(field.name for field in fields(Gauges)))


class Metrics:
    """Counts requests, and exposes the state of the mounts and of the process.

    If several processes serve one address, a scrape reaches one of them and must show the sum of
    all. Then each process needs the same ``directory``, which is empty at the start. When one of
    the processes has ended, another calls ``prometheus_client.multiprocess.mark_process_dead(pid,
    directory)``. This removes the gauges of that process and keeps its counters.

    The metrics of the mounted applications are not among them: prometheus_client's default registry
    and the variable ``PROMETHEUS_MULTIPROC_DIR`` belong to the applications.

    Args:
        mounts: the mounts; for WSGI applications, the metrics include their threads.
        directory: where the processes on this machine share their metrics; it is created if it is
            missing. None if there is one process.
        companions: the companion processes, by name.
        tasks: returns the background tasks of this process, by name.
    """

    def __init__(
        self,
        mounts: Sequence[Mount],
        directory: Path | None = None,
        companions: Mapping[str, Watched] | None = None,
        tasks: Callable[[], Mapping[str, Watched]] = dict,
    ) -> None:
        self.registry = CollectorRegistry()
        self._directory = directory
        self._values = values = values_in(directory)
        self._durations = Durations(
            "http_request_duration_seconds",
            "Seconds from the head of a request to the end of its response.",
            LABELS,
            buckets=SECONDS,
            registry=self.registry,
            values=values,
        )
        self._bytes = self.counter("http_response_bytes", "Bytes of response bodies.", LABELS)
        self._in_flight = self.gauge("http_requests_in_flight", "Requests in progress.")
        self._lag = self.histogram(
            "event_loop_lag_seconds",
            "Delay of a timer that fires ten times a second: how long the loop was blocked.",
            buckets=LAGS,
        )
        by_name = {name: self._mount_metric(name) for name in STATE}
        # Keep mount.app, because tracing wraps it later.
        states = [partial(state_of, mount, mount.app) for mount in mounts]
        self._states = [
            (state, {key: by_name[key].labels(framework_of(mount.label)) for key in state()})
            for mount, state in zip(mounts, states, strict=True)
        ]
        self._refused = self.counter("connections_refused", "Connections refused.", ["reason"])
        # What all workers share; its values are not added up.
        self.collectors: list[Collector] = [
            CompanionCollector(companions or {}),
            IsolatedCollector(mounts),
        ]
        self._tasks = tasks
        self._tasks_up = self.gauge("task_up", "1 if a background task runs.", ["task"])
        self._restarts = self.counter("task_restarts", "Restarts of a background task.", ["task"])
        self._totals: dict[Counter, int] = defaultdict(int)
        self._series: set[Labels] = set()
        self.on_update: list[Callable[[], object]] = []  # called ten times a second
        if directory is not None:
            self.gauge("worker_up", "Live worker processes.", mode="liveall").set(1)
        else:
            ProcessCollector(registry=self.registry)

    def gauge(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        mode: Literal["livesum", "liveall", "livemin", "livemax"] = "livesum",
    ) -> Gauge:
        """Return a new gauge; ``mode`` says how the values of several processes are combined."""
        registry, values = self.registry, self._values
        return Gauge(name, text, labels, registry=registry, values=values, multiprocess_mode=mode)

    def counter(self, name: str, text: str, labels: Sequence[str]) -> Counter:
        """Return a new counter."""
        return Counter(name, text, labels, registry=self.registry, values=self._values)

    def histogram(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = SECONDS,
    ) -> Histogram:
        """Return a new histogram."""
        registry, values = self.registry, self._values
        return Histogram(name, text, labels, buckets=buckets, registry=registry, values=values)

    def _mount_metric(self, name: str) -> Gauge | Counter:
        text = f"Requests and threads of a mount: {name}."
        if name in COUNTERS:
            return self.counter(f"mount_{name}", text, ["mount"])
        return self.gauge(f"mount_{name}", text, ["mount"])

    def count(self, requests: Iterable[FinishedRequest]) -> None:
        """Count finished requests."""
        groups: dict[Kind, list[FinishedRequest]] = defaultdict(list)
        for request in requests:
            groups[request.kind].append(request)
        for (mount, method, route, status), group in groups.items():
            labels = self._labels_of(mount, method, route, status)
            self._durations.labels(*labels).observe_all([request.seconds for request in group])
            self._bytes.labels(*labels).inc(sum(request.size for request in group))

    def _labels_of(self, mount: str, method: str, route: str, status: int) -> Labels:
        """Return the labels of a kind of request; limit the number of label sets."""
        method = method if method in METHODS else OTHER
        labels = (framework_of(mount), method, route, status)
        if labels not in self._series:
            if len(self._series) >= MAX_SERIES:
                return framework_of(mount), method, OTHER, status
            self._series.add(labels)
        return labels

    def update(self, lag: float, in_flight: int) -> None:
        """Update the metrics of the current state.

        Args:
            lag: seconds of delay of the event loop.
            in_flight: open requests.
        """
        self._lag.observe(lag)
        self._in_flight.set(in_flight)
        for state, metrics in self._states:
            for key, value in state().items():
                metric = metrics[key]
                if isinstance(metric, Gauge):
                    metric.set(value)
                else:
                    self._raise_to(metric, value)
        for reason, total in refused.items():
            self._raise_to(self._refused.labels(reason), total)
        for name, task in self._tasks().items():
            self._tasks_up.labels(name).set(float(task.fault is None))
            self._raise_to(self._restarts.labels(name), task.restarts)
        for update in self.on_update:
            update()

    def _raise_to(self, metric: Counter, total: int) -> None:
        """Raise a counter to a total that another object counts; it may have started anew."""
        metric.inc(max(0, total - self._totals[metric]))
        self._totals[metric] = total

    async def show(self, _request: Request) -> Response:
        """Answer a scrape in Prometheus's text format."""
        text = await asyncio.to_thread(self.collect)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def collect(self) -> bytes:
        """Return all metrics as text; with several workers, their sum."""
        own = self.registry if self._directory is None else WorkersCollector(self._directory)
        return b"".join(map(generate_latest, (own, *self.collectors)))


def state_of(mount: Mount, app: ASGIApp) -> dict[str, int]:
    """Return the state of a mount by the names in STATE; threads only for WSGI."""
    if isinstance(mount.application, Upstream):
        balancer = mount.application.balancer
        shed = mount.shed + balancer.shed
        return {"open": mount.open, "queued": len(balancer.queue), "shed": shed}
    if not isinstance(app, WSGIMiddleware):
        return {"open": mount.open, "shed": mount.shed}
    state: dict[str, int] = vars(app.gauges)
    return {**state, "open": mount.open, "shed": mount.shed + state["shed"]}


class WorkersCollector(Collector):
    """Collects the sums over all workers, and process metrics of each live worker by ``pid``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, for ``generate_latest``."""
        alive: list[str] = []
        for family in multiprocess.collect(self.directory):
            if family.name == "worker_up":
                alive = [sample.labels["pid"] for sample in family.samples]
            yield family
        families: dict[str, Metric] = {}
        for pid in alive:
            for one in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                family = families.setdefault(
                    one.name, Metric(one.name, one.documentation, one.type)
                )
                for sample in one.samples:
                    family.add_sample(sample.name, {"pid": pid}, sample.value)
        yield from families.values()
