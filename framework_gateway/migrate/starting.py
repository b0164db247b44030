"""Make what serves the moves of a gateway."""

from collections.abc import Mapping
from functools import partial

from framework_gateway.compare.rules import Rules
from framework_gateway.config import Config
from framework_gateway.migrate.collector import MoveCollector
from framework_gateway.migrate.control import Control
from framework_gateway.migrate.metrics import MoveMetrics
from framework_gateway.migrate.move import Move
from framework_gateway.migrate.stores import open_store
from framework_gateway.observability.metrics import Metrics


def start_moves(
    moves: Mapping[str, Move], config: Config, rules: Rules, metrics: Metrics
) -> list[Control]:
    """Return what serves each move; the applications are loaded.

    Args:
        moves: by prefix.
        config: names the store and the secret of testers, and has the timeout of requests.
        rules: what counts in a comparison.
        metrics: those of the gateway.
    """
    store = open_store(config.moves_store)
    secret = None if config.move_secret is None else config.move_secret.get_secret_value()
    counted = MoveMetrics(metrics)
    controls = [
        move.start(store, rules, secret, counted, config.request_timeout) for move in moves.values()
    ]
    metrics.on_update.append(partial(counted.update, controls))
    metrics.collectors.append(MoveCollector(controls))
    return controls
