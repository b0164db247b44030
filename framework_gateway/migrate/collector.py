"""Prometheus metrics of the state of moves, which all workers and gateways share."""

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from framework_gateway.migrate.control import Control
from framework_gateway.migrate.rarely import RareLog
from framework_gateway.migrate.stores import StoreError
from framework_gateway.migrate.verdicts import Readiness, judge
from framework_gateway.observability.observed import framework_of


class MoveCollector(Collector):
    """Collects stages, percentages and verdicts when the metrics are read."""

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = controls
        self._log = RareLog()

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families; a store that is away has no verdicts."""
        stages = GaugeMetricFamily(
            "move_stage", "1 for the stage of a rule.", labels=["move", "rule", "stage"]
        )
        percents = GaugeMetricFamily(
            "move_percent",
            "Percentage of the clients that the new application answers.",
            labels=["move", "rule"],
        )
        verdicts = GaugeMetricFamily(
            "move_readiness",
            "1 for the verdict of the evidence about a route.",
            labels=["move", "route", "readiness"],
        )
        for control in self.controls:
            label = framework_of(control.path or "/")
            for rule in control.rollout.state.rules.values():
                stages.add_metric([label, rule.key, str(rule.stage)], 1)
                percents.add_metric([label, rule.key], rule.reached)
            for route, readiness in self._readiness_of(control):
                verdicts.add_metric([label, route, str(readiness)], 1)
        yield from (stages, percents, verdicts)

    def _readiness_of(self, control: Control) -> list[tuple[str, Readiness]]:
        if not control.store_is_up:
            return []
        try:
            evidence = control.shared_evidence.read()
        except StoreError as error:
            self._log.warn(control.path, f"{control.path}: no verdicts for the metrics: {error}")
            return []
        ready = control.options.ready
        return [(route, judge(one, ready).readiness) for route, one in evidence.items()]
