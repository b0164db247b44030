"""The metrics of applications in processes of their own."""

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from framework_gateway.mounts.mount import Mount
from framework_gateway.observability.observed import framework_of
from framework_gateway.processes.isolated import states_of


class IsolatedCollector(Collector):
    """Collects the states of the processes when the metrics are read.

    All workers of a gateway share the processes, so their values are not added up.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self.states = states_of(mount.application for mount in mounts)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families; none without processes."""
        if not self.states:
            return
        labels = ["mount", "process"]
        up = GaugeMetricFamily("mount_process_up", "1 if a process of a mount runs.", labels=labels)
        restarts = CounterMetricFamily(
            "mount_process_restarts", "Restarts of a process that had ended.", labels=labels
        )
        memory = GaugeMetricFamily(
            "mount_process_memory_bytes",
            "Resident memory of a process of a mount and its children.",
            labels=labels,
        )
        for one in self.states:
            for number, slot in enumerate(one.slots):
                values = [framework_of(one.label), str(number)]
                up.add_metric(values, float(bool(slot.address)))
                restarts.add_metric(values, slot.restarts)
                memory.add_metric(values, slot.memory)
        yield from (up, restarts, memory)
