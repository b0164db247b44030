"""The metrics of companion processes."""

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from framework_gateway.observability.watched import Watched


class CompanionCollector(Collector):
    """Collects the states of companions when the metrics are read.

    All processes of a gateway share the companions, so their values are not added up.
    """

    def __init__(self, companions: Mapping[str, Watched]) -> None:
        self.companions = companions

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families; none without companions."""
        if not self.companions:
            return
        up = GaugeMetricFamily("companion_up", "1 if a companion runs.", labels=["companion"])
        restarts = CounterMetricFamily(
            "companion_restarts", "Restarts of a companion.", labels=["companion"]
        )
        for name, state in self.companions.items():
            up.add_metric([name], float(state.fault is None))
            restarts.add_metric([name], state.restarts)
        yield up
        yield restarts
